#include "rules/rule.h"

#include "base/fmt.h"
#include "model/malloc_remedies.h"

/* What fewer arenas would do to what comes back. The caller frees it. */
static char *fewer_arenas(const struct evidence *ev) {
    static const char *const words[] = {[MALLOC_LESS] = "less", [MALLOC_MORE] = "more"};
    struct malloc_remedy all[MALLOC_REMEDIES];
    const struct malloc_remedy *r = &all[REMEDY_ARENA_MAX_2];
    char rss[FMT_MAX], least[FMT_MAX];
    if (!malloc_remedies_of(ev, all) || !r->has_estimate)
        return mem_strdup("fewer arenas (MALLOC_ARENA_MAX) can also hold more");
    if (r->effect == MALLOC_SAME)
        return mem_strdup("MALLOC_ARENA_MAX=2 would change little");
    bool chance = r->least_bytes < r->most_bytes;
    return mem_printf("MALLOC_ARENA_MAX=2 would make it %s, about %s of RSS%s%s", words[r->effect],
                      fmt_bytes(rss, r->rss_bytes), chance ? ", or by chance down to " : "",
                      chance ? fmt_bytes(least, r->least_bytes) : "");
}

/* What gives it back now, and what may keep it from coming back. The caller frees it. */
static char *remedy(const struct evidence *ev, const char *target) {
    cleanup_free char *fewer = fewer_arenas(ev);
    cleanup_free char *now =
        ev->cost.freeze ? mem_printf(" (`memwhy trim %s`)", target) : mem_strdup("");
    return mem_printf("malloc_trim(0) would give it back now%s. As for what comes back with the "
                      "load: by how the chunks lie %s; `memwhy malloc %s` says it of other "
                      "settings. Another allocator has to be tried. Measure before shipping any.",
                      now, fewer, target);
}

/* Free memory that malloc_trim(0) would give back. It is glibc's arena kind when most of it lies in
 * arenas that threads have for themselves. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    const struct malloc_census *c = &ev->malloc;
    if (!ev->has_malloc || c->kind != MALLOC_GLIBC || !c->has_residency || c->residency_estimated)
        return;
    uint64_t trimmable = malloc_census_trimmable(c), in_threads = 0, kept = 0;
    size_t holding = 0;
    for (size_t i = 0; i < c->arenas.n; i++) {
        const struct malloc_arena *a = &c->arenas.at[i];
        kept += malloc_arena_free(a).resident;
        if (!a->is_main)
            in_threads += a->trimmable;
        if (!a->is_main && a->trimmable && a->trimmable >= trimmable / 20)
            holding++;
    }
    if (!rule_worth_saying(ev, trimmable))
        return;
    bool arenas = in_threads > trimmable / 2 && holding > 1;
    char size[FMT_MAX], rss[FMT_MAX], all[FMT_MAX], target[32];
    rule_target(ev, target);
    fmt_bytes(size, trimmable);
    struct finding f = {
        .cause = arenas ? "glibc-arena-fragmentation" : "glibc-retention",
        .bytes = trimmable,
        .confidence = malloc_census_complete(c) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
        .remedy_class = "limit-arenas-or-trim",
        .has_saving = true,
        .saving_bytes = trimmable,
        .saving_how = mem_strdup("whole resident pages inside free chunks, counted chunk by chunk"),
        .refuted_by =
            mem_strdup("RSS not falling by about this much when malloc_trim(0) is called"),
    };
    f.why = arenas
                ? mem_printf("%s of %s is memory the program freed and malloc keeps, spread over "
                             "%zu per-thread arenas.",
                             size, fmt_bytes(rss, rule_rss(ev)), holding)
                : mem_printf("%s of %s is memory the program freed and malloc keeps.", size,
                             fmt_bytes(rss, rule_rss(ev)));
    f.remedy = remedy(ev, target);
    finding_evidence_add(&f, trimmable, mem_printf("memwhy malloc %s", target),
                         "malloc_trim(0) would release %s", size);
    finding_evidence_add(&f, kept, mem_printf("memwhy malloc %s", target),
                         "%s of free memory is resident in %zu arenas", fmt_bytes(all, kept),
                         c->arenas.n);
    vec_push(&ret->findings, f);
}

const struct rule rule_glibc_retention = {
    .id = "glibc-retention",
    .title = "freed by the program, kept by malloc, in whole pages",
    .check = check,
};
