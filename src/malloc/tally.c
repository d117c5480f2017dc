#include "malloc/tally.h"

#include "base/limits.h"

void tally_init(struct tally *t, const struct image *img, struct malloc_census *c) {
    *t = (struct tally){.img = img, .c = c, .first = c->spans.n};
    mem_pages_init(&t->pages, img);
}

static int by_start(const void *a, const void *b) {
    const struct malloc_span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

void tally_done(struct tally *t) {
    t->c->coverage.faults += t->pages.faults;
    mem_pages_done(&t->pages);
    vec_sort(&t->c->spans, by_start);
}

/* Ours ascend; glibc's before them are few. */
static bool is_taken(const struct tally *t, uint64_t start, uint64_t end) {
    const struct malloc_census *c = t->c;
    for (size_t i = 0; i < t->first; i++)
        if (c->spans.at[i].start < end && c->spans.at[i].end > start)
            return true;
    return c->spans.n > t->first && c->spans.at[c->spans.n - 1].end > start;
}

static bool is_private_memory(const struct tally *t, uint64_t start, uint64_t end) {
    const struct region_list *l = image_regions(t->img);
    size_t i = region_lower_bound(l, start);
    for (; i < l->n && l->at[i].start <= start; i++) {
        const struct region *r = &l->at[i];
        bool data = r->kind == REGION_FILE && r->prot & REGION_W;
        if (r->shared || (!data && r->kind != REGION_ANON && r->kind != REGION_HEAP))
            return false;
        start = r->end;
        if (start >= end)
            return true;
    }
    return false;
}

bool tally_span(struct tally *t, uint64_t start, uint64_t end) {
    if (start >= end || is_taken(t, start, end) || !is_private_memory(t, start, end))
        return false;
    res_cursor_seek(&t->cursor, image_residency(t->img), start);
    struct malloc_span s = {
        .start = start, .end = end, .used_end = end, .arena = MALLOC_SPAN_WHOLE};
    struct res_cursor cursor = t->cursor;
    struct malloc_span *last = t->c->spans.n > t->first ? &t->c->spans.at[t->c->spans.n - 1] : NULL;
    s.resident = res_cursor_bytes(&cursor, start, end);
    if (last && last->end == start) {
        last->end = last->used_end = end;
        last->resident += s.resident;
    } else {
        vec_push(&t->c->spans, s);
    }
    t->c->own[MALLOC_UNWALKED].bytes += end - start;
    t->c->own[MALLOC_UNWALKED].resident += s.resident;
    t->at = start;
    t->end = end;
    return true;
}

/* Resident bytes of what was counted. */
static uint64_t count_range(struct tally *t, uint64_t start, uint64_t end, enum malloc_state s) {
    struct malloc_share *from = &t->c->own[MALLOC_UNWALKED], *to = &t->c->own[s];
    uint64_t resident = res_cursor_bytes(&t->cursor, start, end);
    from->bytes -= end - start;
    from->resident -= resident;
    to->bytes += end - start;
    to->resident += resident;
    t->at = end;
    return resident;
}

void tally_rest(struct tally *t, uint64_t start, uint64_t end, enum malloc_state s) {
    if (start < t->at)
        start = t->at;
    if (end > t->end)
        end = t->end;
    if (start < end)
        count_range(t, start, end, s);
}

void tally_blocks(struct tally *t, uint64_t start, uint64_t size, uint64_t count,
                  enum malloc_state s) {
    if (start < t->at || start > t->end || !size || count > (t->end - start) / size || !count)
        return;
    struct malloc_size_class *k = &t->c->classes[malloc_size_class_of(size)];
    uint64_t resident = count_range(t, start, start + size * count, s);
    t->c->own[s].count += count;
    if (s == MALLOC_IN_USE) {
        k->in_use_count += count;
        k->in_use_bytes += size * count;
        k->in_use_resident += resident;
    } else if (s == MALLOC_TCACHED) {
        k->tcached_count += count;
        k->tcached_bytes += size * count;
    } else {
        k->free_count += count;
        k->free_bytes += size * count;
        k->free_resident += resident;
    }
}

void tally_broken(struct tally *t, uint64_t addr) {
    if (!t->broken)
        t->broken = addr;
    t->c->coverage.walk_errors++;
}
