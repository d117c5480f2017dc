#include "cmd/region_changes.h"

#include "cmd/map_rows.h"
#include <string.h>

const char *region_change_word(enum region_change_kind k) {
    static const char *const words[] = {[REGION_CAME] = "came",
                                        [REGION_GREW] = "grew",
                                        [REGION_SHRANK] = "shrank",
                                        [REGION_WENT] = "went"};
    return words[k];
}

static bool are_alike(const struct region *a, const struct region *b) {
    return a->prot == b->prot && a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* The heap grows at its end, stacks and mappings that the kernel joins at their start. */
static const struct region *same_in(const struct region_list *in, const struct region *like) {
    size_t first = region_lower_bound(in, like->start);
    for (size_t i = first; i < in->n && in->at[i].start < like->end; i++)
        if ((in->at[i].start == like->start || in->at[i].end == like->end) &&
            are_alike(&in->at[i], like))
            return &in->at[i];
    return NULL;
}

static uint64_t size_of(const struct region *r) {
    return r ? r->end - r->start : 0;
}

static void add(const struct evidence *a, const struct evidence *b, struct region_change c,
                struct region_changes *ret) {
    const struct region *shown = c.b ? c.b : c.a;
    unsigned others;
    c.resident_a = c.a ? residency_bytes(&a->residency, c.a->start, c.a->end) : 0;
    c.resident_b = c.b ? residency_bytes(&b->residency, c.b->start, c.b->end) : 0;
    if (size_of(c.a) == size_of(c.b) && c.resident_a == c.resident_b)
        return;
    bool grew =
        size_of(c.b) != size_of(c.a) ? size_of(c.b) > size_of(c.a) : c.resident_b > c.resident_a;
    c.kind = !c.a ? REGION_CAME : !c.b ? REGION_WENT : grew ? REGION_GREW : REGION_SHRANK;
    c.owner = map_main_owner(c.b ? b : a, shown->start, shown->end, &others);
    vec_push(&ret->list, c);
}

static uint64_t difference(uint64_t a, uint64_t b) {
    return a > b ? a - b : b - a;
}

static int by_change(const void *x, const void *y) {
    const struct region_change *a = x, *b = y;
    uint64_t in_a = difference(a->resident_a, a->resident_b);
    uint64_t in_b = difference(b->resident_a, b->resident_b);
    if (in_a == in_b) {
        in_a = difference(size_of(a->a), size_of(a->b));
        in_b = difference(size_of(b->a), size_of(b->b));
    }
    return in_a > in_b ? -1 : in_a < in_b;
}

void region_changes_find(const struct evidence *a, const struct evidence *b,
                         struct region_changes *ret) {
    *ret = (struct region_changes){.has_resident = a->has_residency && b->has_residency};
    for (size_t i = 0; i < b->regions.n; i++) {
        const struct region *r = &b->regions.at[i];
        add(a, b, (struct region_change){.a = same_in(&a->regions, r), .b = r}, ret);
    }
    for (size_t i = 0; i < a->regions.n; i++)
        if (!same_in(&b->regions, &a->regions.at[i]))
            add(a, b, (struct region_change){.a = &a->regions.at[i]}, ret);
    vec_sort(&ret->list, by_change);
}

void region_changes_done(struct region_changes *c) {
    vec_free(&c->list);
}
