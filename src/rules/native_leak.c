#include "rules/rule.h"

#include "base/fmt.h"
#include "base/text.h"

static void show_groups(const struct lost_native *l, const char *target, struct finding *f) {
    enum { SHOWN = 3 };
    for (size_t i = 0; i < l->groups.n && i < SHOWN; i++) {
        const struct lost_blocks *g = &l->groups.at[i];
        cleanup_free char *label = g->label ? text_printable(g->label) : NULL;
        char count[FMT_MAX], size[FMT_MAX], bytes[FMT_MAX];
        finding_evidence_add(
            f, g->bytes,
            mem_printf("memwhy inspect %s 0x%llx", target, (unsigned long long)g->sample),
            "%s blocks of %s%s%s, %s", fmt_count(count, g->count), fmt_bytes(size, g->size),
            label ? ", " : "", label ? label : "", fmt_bytes(bytes, g->bytes));
    }
}

static void tell_lost(const struct evidence *ev, struct diagnosis *ret) {
    const struct lost_native *l = &ev->lost;
    char size[FMT_MAX], rss[FMT_MAX], count[FMT_MAX], in_use[FMT_MAX], target[32];
    rule_target(ev, target);
    fmt_bytes(size, l->bytes);
    struct finding f = {
        .cause = "native-leak-lost",
        .bytes = l->bytes,
        .confidence = CONFIDENCE_CERTAIN,
        .why = mem_printf("%s of %s is native memory that was allocated, never freed, and that "
                          "nothing refers to any more.",
                          size, fmt_bytes(rss, rule_rss(ev))),
        .remedy_class = "fix-native-code",
        .remedy = mem_strdup("An addon or a library forgets what it allocates: what the blocks "
                             "hold, and their size, say which."),
        .has_saving = true,
        .saving_bytes = l->bytes,
        .saving_how = mem_strdup("all blocks that nothing leads to; only mended code gives them "
                                 "back"),
        .refuted_by = mem_strdup("their addresses being kept compressed, encrypted, or by the "
                                 "kernel alone"),
        .count = l->count,
    };
    finding_evidence_add(&f, l->bytes, mem_printf("memwhy leaks %s", target),
                         "%s blocks are lost, of %s in use", fmt_count(count, l->count),
                         fmt_bytes(in_use, l->in_use_bytes));
    show_groups(l, target, &f);
    vec_push(&ret->findings, f);
}

static void tell_handles(const struct evidence *ev, struct diagnosis *ret) {
    const struct lost_native *l = &ev->lost;
    char size[FMT_MAX], rss[FMT_MAX], count[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "handlescope-leak",
        .bytes = l->handle_bytes,
        .confidence = CONFIDENCE_LIKELY,
        .why = mem_printf("%s of %s is V8's handle blocks, full of %s: native code makes handles "
                          "outside of a HandleScope, and none is ever freed.",
                          fmt_bytes(size, l->handle_bytes), fmt_bytes(rss, rule_rss(ev)),
                          l->handle_value ? l->handle_value : "one value"),
        .remedy_class = "upgrade-node",
        .remedy = mem_strdup("Put a HandleScope around native code that calls JavaScript; where "
                             "that is Node's own, a newer Node has it."),
        .has_saving = true,
        .saving_bytes = l->handle_bytes,
        .saving_how = mem_strdup("all blocks that are full of it"),
        .refuted_by = mem_strdup("the blocks not being more at another look"),
        .count = l->handle_blocks,
    };
    finding_evidence_add(&f, l->handle_blocks, mem_printf("memwhy leaks %s", target),
                         "%s blocks of 8 KiB", fmt_count(count, l->handle_blocks));
    vec_push(&ret->findings, f);
}

static void check(const struct evidence *ev, struct diagnosis *ret) {
    const struct lost_native *l = &ev->lost;
    char size[FMT_MAX], target[32];
    if (!l->is_known)
        return;
    if (rule_worth_saying(ev, l->bytes))
        tell_lost(ev, ret);
    if (rule_worth_saying(ev, l->handle_bytes))
        tell_handles(ev, ret);
    uint64_t reached = account_sum_leaf(&ev->account, "malloc", "in-use");
    reached -= l->bytes + l->handle_bytes < reached ? l->bytes + l->handle_bytes : reached;
    if (rule_worth_saying(ev, reached) && reached > rule_rss(ev) / 3)
        vec_push(&ret->undecided,
                 (struct undecided){mem_printf("%s of native memory is in use and referred to: is "
                                               "it needed, or does it grow?",
                                               fmt_bytes(size, reached)),
                                    mem_printf("memwhy chunks %s, and `memwhy leaks --growing` of "
                                               "two captures",
                                               rule_target(ev, target))});
}

const struct rule rule_native_leak = {
    .id = "native-leak",
    .title = "native memory that nobody frees",
    .check = check,
};
