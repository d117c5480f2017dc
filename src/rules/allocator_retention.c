#include "rules/rule.h"

#include "base/fmt.h"

/* Whole pages go back to the kernel by the allocator's own setting, where it has one; holes stay.
 */
static char *remedy(const struct malloc_census *c) {
    const char *name = malloc_kind_name(c->kind);
    uint64_t pages = c->own[MALLOC_FREE_PAGES].resident, holes = c->own[MALLOC_BINNED].resident;
    char whole[FMT_MAX], rest[FMT_MAX];
    fmt_bytes(whole, pages);
    fmt_bytes(rest, holes);
    if (!c->own_give_back)
        return mem_printf("%s gives nothing of it back while a block beside it is in use, and has "
                          "no setting for that. Another allocator has to be tried: measure before "
                          "shipping it.",
                          name);
    return mem_printf("Started with %s, %s gives the %s in whole pages back soon after they are "
                      "free. The %s between blocks in use stay until those are freed. Measure "
                      "before shipping it.",
                      c->own_give_back, name, whole, rest);
}

/* Free memory of an allocator other than glibc's that was read from its own structures. */
static void check(const struct evidence *ev, struct diagnosis *ret) {
    const struct malloc_census *c = &ev->malloc;
    if (!ev->has_malloc || !c->own_walked || !c->has_residency || c->residency_estimated)
        return;
    uint64_t pages = c->own[MALLOC_FREE_PAGES].resident, cached = c->own[MALLOC_TCACHED].resident,
             holes = c->own[MALLOC_BINNED].resident, kept = pages + cached + holes;
    if (!rule_worth_saying(ev, kept))
        return;
    const char *name = malloc_kind_name(c->kind);
    bool setting = c->own_give_back && pages > holes + cached;
    char size[FMT_MAX], rss[FMT_MAX], target[32];
    rule_target(ev, target);
    fmt_bytes(size, kept);
    struct finding f = {
        .cause = "allocator-retention",
        .bytes = kept,
        .confidence = malloc_census_complete(c) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
        .remedy_class = setting ? "limit-arenas-or-trim" : "use-other-allocator",
        .refuted_by =
            mem_printf("%s's own statistics saying that about this much more is in use", name),
    };
    f.why = mem_printf("%s of %s is memory the program freed and %s keeps.", size,
                       fmt_bytes(rss, rule_rss(ev)), name);
    f.remedy = remedy(c);
    if (c->own_give_back && pages) {
        f.has_saving = true;
        f.saving_bytes = pages;
        f.saving_how = mem_strdup("resident pages in which nothing is in use");
    }
    const struct {
        uint64_t bytes;
        const char *what;
    } parts[] = {{pages, "in whole pages"},
                 {holes, "in holes between blocks in use"},
                 {cached, "in the caches of threads"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].bytes)
            finding_evidence_add(&f, parts[i].bytes, mem_printf("memwhy malloc %s", target),
                                 "%s free %s", fmt_bytes(size, parts[i].bytes), parts[i].what);
    vec_push(&ret->findings, f);
}

const struct rule rule_allocator_retention = {
    .id = "allocator-retention",
    .title = "freed by the program, kept by an allocator other than glibc's",
    .check = check,
};
