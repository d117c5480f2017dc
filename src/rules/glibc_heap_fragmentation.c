#include "rules/rule.h"

#include "base/fmt.h"

/* Free memory that malloc_trim(0) cannot give back, for each page has something in use on it. Ends
 * of arenas are no holes. */
static uint64_t holes_of(const struct malloc_arena *a) {
    uint64_t binned = a->share[MALLOC_BINNED].resident + a->share[MALLOC_FAST].resident;
    uint64_t trimmable = a->trimmable;
    if (a->is_main) /* of a thread's arena the end is not trimmed */
        trimmable -=
            trimmable < a->share[MALLOC_TOP].resident ? trimmable : a->share[MALLOC_TOP].resident;
    return binned > trimmable ? binned - trimmable : 0;
}

/* The size class with most chunks in use: most of what lies between the holes. */
static const struct malloc_size_class *commonest(const struct malloc_census *c) {
    const struct malloc_size_class *most = &c->classes[0];
    for (size_t i = 1; i < MALLOC_SIZE_CLASSES; i++)
        if (c->classes[i].in_use_count > most->in_use_count)
            most = &c->classes[i];
    return most;
}

static void add_evidence(struct finding *f, const struct evidence *ev, const char *target) {
    const struct malloc_size_class *k = commonest(&ev->malloc);
    char a[FMT_MAX], n[FMT_MAX];
    uint64_t trimmable = malloc_census_trimmable(&ev->malloc);
    finding_evidence_add(f, f->bytes, mem_printf("memwhy malloc %s", target),
                         "%s of free memory is in memory in holes smaller than a page",
                         fmt_bytes(a, f->bytes));
    finding_evidence_add(f, trimmable, mem_printf("memwhy malloc %s", target),
                         "malloc_trim(0) would release %s", fmt_bytes(a, trimmable));
    if (k->in_use_count)
        finding_evidence_add(
            f, k->in_use_count,
            mem_printf("memwhy malloc %s --class %llu", target, (unsigned long long)k->size),
            "%s chunks in use are of about %llu bytes, more than of any other size",
            fmt_count(n, k->in_use_count), (unsigned long long)k->size);
}

static void check(const struct evidence *ev, struct diagnosis *ret) {
    const struct malloc_census *c = &ev->malloc;
    if (!ev->has_malloc || c->kind != MALLOC_GLIBC || !c->has_residency || c->residency_estimated)
        return;
    uint64_t holes = 0;
    for (size_t i = 0; i < c->arenas.n; i++)
        holes += holes_of(&c->arenas.at[i]);
    if (!rule_worth_saying(ev, holes))
        return;
    char size[FMT_MAX], rss[FMT_MAX], target[32];
    rule_target(ev, target);
    struct finding f = {
        .cause = "glibc-heap-fragmentation",
        .bytes = holes,
        .confidence = malloc_census_complete(c) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
        .remedy_class = "use-other-allocator",
        .has_saving = true,
        .saving_bytes = malloc_census_trimmable(c),
        .saving_how =
            mem_strdup("by malloc_trim(0), counted chunk by chunk; what another allocator "
                       "would save cannot be counted here"),
        .refuted_by = mem_strdup("RSS falling by more than that when malloc_trim(0) is called"),
        .why = mem_printf("%s of %s is memory the program freed and malloc keeps, in holes smaller "
                          "than a page between blocks that are in use.",
                          fmt_bytes(size, holes), fmt_bytes(rss, rule_rss(ev))),
        .remedy =
            mem_strdup("Neither malloc_trim nor fewer arenas help. Free what lies between the "
                       "holes, or keep such small long-lived blocks apart from short-lived "
                       "ones, as allocators do that keep each size on pages of its own "
                       "(jemalloc, mimalloc): try one, and measure."),
    };
    add_evidence(&f, ev, target);
    vec_push(&ret->findings, f);
}

const struct rule rule_glibc_heap_fragmentation = {
    .id = "glibc-heap-fragmentation",
    .title = "freed by the program, kept by malloc, in holes smaller than a page",
    .check = check,
};
