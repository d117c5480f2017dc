#include "rules/rule.h"

#include "base/fmt.h"

/* Resident V8 pages that are in no space: neither heapUsed nor heapTotal counts them. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    const struct v8_stale *s = &ev->v8.stale;
    if (!ev->has_v8 || !rule_worth_saying(ev, s->resident))
        return;
    char size[FMT_MAX], rss[FMT_MAX], target[32];
    rule_target(ev, target);
    fmt_bytes(size, s->resident);
    struct finding f = {
        .cause = "v8-page-pool",
        .bytes = s->resident,
        .confidence = CONFIDENCE_CERTAIN,
        .why = mem_printf("%s of %s is V8 pages that are in no space: V8 emptied them and has not "
                          "given them back, and none of its own counters shows them.",
                          size, fmt_bytes(rss, rule_rss(ev))),
        .remedy_class = "lower-heap-limit-or-force-gc",
        .remedy =
            mem_strdup("Some seconds of quiet or a memory-reducing collection release them; a "
                       "lower --max-old-space-size or --max-semi-space-size keeps the peak, "
                       "and so the pool, smaller."),
        .has_saving = true,
        .saving_bytes = s->resident,
        .saving_how = mem_strdup("all resident pages in no space's list"),
        .refuted_by = mem_strdup("RSS not falling by about this much at a full collection"),
    };
    finding_evidence_add(&f, s->pages, mem_printf("memwhy map %s --owner v8", target),
                         "%llu V8 pages are in no space's list", (unsigned long long)s->pages);
    vec_push(&ret->findings, f);
}

const struct rule rule_v8_page_pool = {
    .id = "v8-page-pool",
    .title = "resident V8 pages in no space",
    .check = check,
};
