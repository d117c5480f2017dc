#include "rules/rule.h"

#include "base/fmt.h"
#include "model/budget.h"

/* Four fifths: from there on V8 collects more and more often for less and less. */
static bool is_near(uint64_t bytes, uint64_t limit) {
    return bytes > limit / 5 * 4;
}

static void near(const struct v8_isolate_census *iso, uint64_t live, const char *target,
                 struct diagnosis *ret) {
    char size[FMT_MAX], limit[FMT_MAX], share[FMT_MAX];
    fmt_bytes(size, live);
    fmt_bytes(limit, iso->limits.old_bytes);
    /* A state, not an origin: it explains no memory, so it never comes before what does. */
    struct finding f = {
        .cause = "near-heap-limit",
        .confidence = CONFIDENCE_CERTAIN,
        .why = mem_printf("%s lives in the old generation of %s, and V8 lets it grow to %s: beyond "
                          "that the process ends.",
                          size, iso->name, limit),
        .remedy_class = "raise-limit-or-reduce-live-set",
        .remedy =
            mem_strdup("Find what fills the heap (memwhy suspects), or raise "
                       "--max-old-space-size if the program needs it and the machine has it."),
        .refuted_by = mem_strdup("a full collection that leaves less than this"),
    };
    finding_evidence_add(&f, live, mem_printf("memwhy heap %s", target), "%s of %s lives (%s)",
                         size, limit, fmt_percent(share, live, iso->limits.old_bytes));
    vec_push(&ret->findings, f);
}

/* The limit that counts is the old generation's, and what counts against it is what lives. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    char target[32], used[FMT_MAX], limit[FMT_MAX];
    rule_target(ev, target);
    for (size_t i = 0; ev->has_v8 && i < ev->v8.isolates.n; i++) {
        const struct v8_isolate_census *iso = &ev->v8.isolates.at[i];
        struct v8_old_generation old = v8_old_generation_of(iso);
        uint64_t most = iso->limits.old_bytes;
        if (!iso->limits.semi_spaces || !is_near(old.used, most))
            continue;
        if (ev->v8.has_liveness && is_near(old.live, most))
            near(iso, old.live, target, ret);
        if (ev->v8.has_liveness)
            continue;
        struct undecided u = {
            mem_printf("The old generation of %s holds %s of the %s V8 allows: is it alive, or "
                       "waiting for a collection?",
                       iso->name, fmt_bytes(used, old.used), fmt_bytes(limit, most)),
            mem_printf("memwhy heap %s", target)};
        vec_push(&ret->undecided, u);
    }
}

const struct rule rule_near_heap_limit = {
    .id = "near-heap-limit",
    .title = "what lives fills most of what V8 allows",
    .check = check,
};
