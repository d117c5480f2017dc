/* What the words of a plan say, if they can be believed. */
#include "v8/counters_plan.h"

#include "base/limits.h"
#include "v8/pages.h"
#include <errno.h>
#include <string.h>

/* Four levels of page tables (Documentation/arch/x86/x86_64/mm.rst). */
#define BYTES_MAX (1ull << 46)

static int read_once(const struct v8_plan *p, const struct image *img, uint64_t *words) {
    struct image_part parts[PLAN_CELLS];
    for (size_t i = 0; i < p->n_cells; i++)
        parts[i] =
            (struct image_part){p->cells[i].addr, words + p->cells[i].at, 8u * p->cells[i].words};
    return image_read_parts(img, parts, p->n_cells);
}

/* Read until what must stand still has stood still. */
static int read_settled(struct v8_plan *p, const struct image *img) {
    enum { TIMES = 4 };
    if (read_once(p, img, p->words[0]) < 0)
        return -ESTALE;
    for (int n = 0; n < TIMES; n++) {
        bool same = true;
        if (read_once(p, img, p->words[1]) < 0)
            return -ESTALE;
        for (size_t i = 0; i < p->n_words && same; i++)
            same = p->moves[i] || p->words[0][i] == p->words[1][i];
        if (same)
            return 0;
        memcpy(p->words[0], p->words[1], p->n_words * sizeof *p->words[0]);
    }
    return -EAGAIN;
}

static uint64_t word(const struct v8_plan *p, int at) {
    return at < 0 ? 0 : p->words[1][at];
}

/* What of a space is given to an allocation area and holds no objects. */
static int area_rest(const struct v8_plan *p, size_t space, uint64_t *ret) {
    uint64_t rest = 0;
    for (size_t i = 0; i < p->n_areas; i++) {
        const struct plan_area *a = &p->areas[i];
        if (a->space != (int)space)
            continue;
        uint64_t top = word(p, a->words + 1), limit = word(p, a->words + 2);
        if (word(p, a->most) > limit)
            limit = word(p, a->most);
        if (!top)
            continue;
        if (limit < top || limit - top > V8_PAGE_ALIGN)
            return -EAGAIN;
        rest += limit - top;
    }
    *ret = rest;
    return 0;
}

/* SemiSpaceNewSpace::Size(): whole pages before the one that is being filled, and what of that is
 * given out. */
static int semi_space_used(const struct v8_plan *p, const struct plan_space *s, uint64_t *ret) {
    uint64_t top = word(p, s->size), capacity = word(p, s->capacity), used = 0;
    if (top) {
        uint64_t page = (top - 1) & ~(V8_PAGE_ALIGN - 1);
        if (capacity < V8_PAGE_ALIGN || capacity % V8_PAGE_ALIGN || capacity > BYTES_MAX ||
            top - page < p->page_start)
            return -EAGAIN;
        used = (capacity / V8_PAGE_ALIGN - 1) * (V8_PAGE_ALIGN - p->page_start) + top - page -
               p->page_start;
    }
    *ret = used + word(p, s->quarantined);
    return 0;
}

static int space_used(const struct v8_plan *p, size_t i, uint64_t *ret) {
    const struct plan_space *s = &p->spaces[i];
    uint64_t used = word(p, s->size), rest;
    if ((s->form == FORM_SEMI && semi_space_used(p, s, &used) < 0) || area_rest(p, i, &rest) < 0 ||
        rest > used)
        return -EAGAIN;
    *ret = used - rest;
    return 0;
}

static int add_spaces(const struct v8_plan *p, struct v8_counts *c) {
    for (size_t i = 0; i < p->n_spaces; i++) {
        const struct plan_space *s = &p->spaces[i];
        struct sample_space *to = &c->space[s->kind];
        uint64_t committed = word(p, s->committed[0]) + word(p, s->committed[1]), used;
        if (word(p, s->head) != s->vtable ||
            (s->form != FORM_READ_ONLY && word(p, s->head + 1) != p->heap))
            return -ESTALE;
        if (space_used(p, i, &used) < 0 || committed > BYTES_MAX || committed % PAGE_BYTES ||
            used > committed)
            return -EAGAIN;
        to->used += used;
        to->total += committed;
        c->known_spaces |= 1u << s->kind;
        c->heap_used += used;
        c->heap_total += committed;
    }
    return 0;
}

static int add_words(const struct v8_plan *p, struct v8_counts *c) {
    uint64_t old = word(p, p->max_old), semi = word(p, p->max_semi);
    uint64_t counts = word(p, p->gc_counts);
    c->gc_major = (uint32_t)counts;
    c->gc_minor = (uint32_t)(counts >> 32) - c->gc_major;
    c->external = word(p, p->backing_stores) + word(p, p->swept);
    c->array_buffers = word(p, p->array_buffers);
    c->old_limit = old;
    c->heap_limit = old + p->semi_spaces * semi;
    c->live_after_gc = c->gc_major ? word(p, p->live_after_gc) : 0;
    if (counts >> 32 < (uint32_t)counts || !old || old > BYTES_MAX || !semi || semi % PAGE_BYTES ||
        semi > BYTES_MAX || c->external > BYTES_MAX || c->array_buffers > BYTES_MAX ||
        c->live_after_gc > BYTES_MAX)
        return -EAGAIN;
    return 0;
}

/* The state of the thread holds for all of a collection, gc_state_ only for its inner part. */
static bool in_collection(const struct v8_plan *p) {
    enum { GC = 1 };
    return (uint32_t)word(p, p->gc_state) || (uint8_t)p->words[0][p->vm_state] == GC ||
           (uint8_t)p->words[1][p->vm_state] == GC;
}

int v8_plan_read(struct v8_plan *p, const struct image *img, struct v8_counts *ret) {
    struct v8_counts c = {0};
    int r = read_settled(p, img);
    if (r == 0)
        r = add_spaces(p, &c);
    if (r == -ESTALE || r == -EAGAIN)
        return r;
    if (in_collection(p))
        return -EAGAIN;
    if ((r = add_words(p, &c)) < 0)
        return r;
    *ret = c;
    return 0;
}
