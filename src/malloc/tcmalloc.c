/* tcmalloc of gperftools 2.10: what each span holds. */
#include "malloc/tcmalloc.h"

#include "base/bits.h"
#include "base/limits.h"
#include "base/u64.h"
#include <string.h>

/* src/system-alloc.cc takes memory from brk first, for metadata as well: what of it is in no span
 * is that. */
static void add_metadata(struct tcmalloc *m) {
    const struct region_list *l = image_regions(m->t->img);
    size_t n = m->spans.n;
    for (size_t i = 0; i < l->n; i++) {
        uint64_t at = l->at[i].start;
        if (l->at[i].kind != REGION_HEAP)
            continue;
        for (size_t k = 0; k < n && at < l->at[i].end; k++) {
            const struct tcmalloc_span s = m->spans.at[k];
            if (s.end <= at || s.start >= l->at[i].end)
                continue;
            if (s.start > at)
                vec_push(&m->spans, (struct tcmalloc_span){.start = at, .end = s.start});
            at = s.end;
        }
        if (at < l->at[i].end)
            vec_push(&m->spans, (struct tcmalloc_span){.start = at, .end = l->at[i].end});
    }
}

static int by_start(const void *a, const void *b) {
    const struct tcmalloc_span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* ---- small objects ---- */

/* Which objects are free in the span's own list, and how many; -1: the list is broken. */
static int64_t mark_objects(struct tcmalloc *m, const struct tcmalloc_span *s, uint64_t size,
                            uint64_t count, uint64_t *is_free) {
    int64_t n = 0;
    for (uint64_t at = s->objects; at; n++) {
        uint64_t i = (at - s->start) / size;
        if (at < s->start || (at - s->start) % size || i >= count || bits_get(is_free, i) ||
            mem_pages_u64(&m->t->pages, at, &at) < 0)
            return -1;
        bits_set(is_free, i);
    }
    return n;
}

static bool holds(const uint64_t *at, size_t n, size_t *from, uint64_t addr) {
    while (*from < n && at[*from] < addr)
        (*from)++;
    return *from < n && at[*from] == addr;
}

static void tell_objects(struct tcmalloc *m, const struct tcmalloc_span *s, uint64_t size,
                         uint64_t count, const uint64_t *is_free) {
    size_t c = u64_lower_bound(m->cached.at, m->cached.n, s->start);
    size_t t = u64_lower_bound(m->transfer.at, m->transfer.n, s->start);
    enum malloc_state state = MALLOC_STATES, next;
    uint64_t from = 0;
    for (uint64_t i = 0; i <= count; i++) {
        uint64_t at = s->start + i * size;
        next = i == count                                     ? MALLOC_STATES
               : bits_get(is_free, i)                         ? MALLOC_BINNED
               : holds(m->transfer.at, m->transfer.n, &t, at) ? MALLOC_BINNED
               : holds(m->cached.at, m->cached.n, &c, at)     ? MALLOC_TCACHED
                                                              : MALLOC_IN_USE;
        if (next == state)
            continue;
        if (i > from)
            tally_blocks(m->t, s->start + from * size, size, i - from, state);
        state = next;
        from = i;
    }
    tally_rest(m->t, s->start + count * size, s->end, MALLOC_METADATA);
}

/* As many are handed out as the list lacks; a thread that is at it may be between the two. */
static void tell_small(struct tcmalloc *m, const struct tcmalloc_span *s) {
    uint64_t size = m->sizes[s->size_class], count = size ? (s->end - s->start) / size : 0;
    size_t threads;
    if (s->size_class >= m->n_classes || !count || count > UINT16_MAX) {
        tally_broken(m->t, s->record);
        return;
    }
    uint64_t *is_free = bits_new(count);
    int64_t n = mark_objects(m, s, size, count, is_free);
    image_threads(m->t->img, &threads);
    if (n < 0 || ((uint64_t)n + s->used != count && m->t->c->coverage.in_flight++ >= threads))
        tally_broken(m->t, s->record);
    else
        tell_objects(m, s, size, count, is_free);
    free(is_free);
}

static void tell_span(struct tcmalloc *m, const struct tcmalloc_span *s) {
    if (!tally_span(m->t, s->start, s->end))
        tally_broken(m->t, s->record ? s->record : s->start);
    else if (!s->record)
        tally_rest(m->t, s->start, s->end, MALLOC_METADATA);
    else if (s->location != SPAN_IN_USE)
        tally_rest(m->t, s->start, s->end,
                   s->location == SPAN_RETURNED ? MALLOC_RESERVE : MALLOC_FREE_PAGES);
    else if (s->size_class)
        tell_small(m, s);
    else
        tally_blocks(m->t, s->start, s->end - s->start, 1, MALLOC_IN_USE);
}

/* TCMALLOC_RELEASE_RATE gives back with later frees only: after a burst nothing of it, measured. */
const struct tally_release *tcmalloc_walk(struct tally *t) {
    static const struct tally_release release = {"gperftools 2.10",
                                                 "TCMALLOC_AGGRESSIVE_DECOMMIT=1"};
    struct tcmalloc m = {.t = t};
    bool found = tcmalloc_find_sizes(&m) && tcmalloc_find_spans(&m);
    if (found) {
        tcmalloc_find_caches(&m);
        add_metadata(&m);
        vec_sort(&m.spans, by_start);
    }
    for (size_t i = 0; found && i < m.spans.n; i++)
        tell_span(&m, &m.spans.at[i]);
    vec_free(&m.spans);
    vec_free(&m.cached);
    vec_free(&m.transfer);
    return found ? &release : NULL;
}
