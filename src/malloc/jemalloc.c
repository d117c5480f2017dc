/* jemalloc 5.3: what each extent holds. */
#include "malloc/jemalloc.h"

#include "base/limits.h"
#include "base/search.h"
#include "base/u64.h"

enum { BITMAP_AT = 64, BITMAP_WORDS = 8, SLAB_MAX = 512 };

/* sc.c: 8; four steps of 16; then four for each doubling. */
uint64_t jemalloc_size(uint32_t i) {
    if (i < 5)
        return i ? 16ull * i : 8;
    uint32_t group = (i - 5) / 4, step = (i - 5) % 4 + 1;
    return (64ull << group) + ((uint64_t)step << (group + 4));
}

const struct jemalloc_extent *jemalloc_extent_at(const struct jemalloc *j, uint64_t addr) {
    size_t i = first_where(j->extents.n, k, j->extents.at[k].start + j->extents.at[k].size > addr);
    return i < j->extents.n && j->extents.at[i].start <= addr ? &j->extents.at[i] : NULL;
}

/* Several blocks may be on their way out of or into the slab a thread is working at. */
static bool slab_holds(struct jemalloc *j, const struct jemalloc_extent *x, uint64_t blocks,
                       uint64_t map[BITMAP_WORDS]) {
    size_t threads;
    uint64_t free = 0;
    if (!blocks || blocks > SLAB_MAX ||
        mem_pages_read(&j->t->pages, x->edata + BITMAP_AT, map, BITMAP_WORDS * sizeof *map) < 0)
        return false;
    for (uint64_t i = 0; i < blocks; i++)
        free += map[i / 64] >> (i % 64) & 1;
    if (free == x->free)
        return true;
    image_threads(j->t->img, &threads);
    return j->t->c->coverage.in_flight++ < threads;
}

static void tell_slab(struct jemalloc *j, const struct jemalloc_extent *x) {
    uint64_t size = jemalloc_size(x->size_index), blocks = x->size / size, map[BITMAP_WORDS];
    if (!slab_holds(j, x, blocks, map)) {
        tally_broken(j->t, x->edata);
        return;
    }
    size_t c = u64_lower_bound(j->cached.at, j->cached.n, x->start);
    enum malloc_state state = MALLOC_STATES, next;
    uint64_t from = 0;
    for (uint64_t i = 0; i <= blocks; i++) {
        uint64_t at = x->start + i * size;
        while (c < j->cached.n && j->cached.at[c] < at)
            c++;
        next = i == blocks                                ? MALLOC_STATES
               : map[i / 64] >> (i % 64) & 1              ? MALLOC_BINNED
               : c < j->cached.n && j->cached.at[c] == at ? MALLOC_TCACHED
                                                          : MALLOC_IN_USE;
        if (next == state)
            continue;
        if (i > from)
            tally_blocks(j->t, x->start + from * size, size, i - from, state);
        state = next;
        from = i;
    }
    tally_rest(j->t, x->start + blocks * size, x->start + x->size, MALLOC_METADATA);
}

/* sz.h, sz_large_pad: a page more, so that blocks need not all begin at a page's first line. */
static void tell_large(struct jemalloc *j, const struct jemalloc_extent *x) {
    uint64_t size = jemalloc_size(x->size_index), end = x->start + x->size;
    size_t c = u64_lower_bound(j->cached.at, j->cached.n, x->addr);
    bool cached = c < j->cached.n && j->cached.at[c] == x->addr;
    if (size > end - x->addr) {
        tally_broken(j->t, x->edata);
        return;
    }
    tally_rest(j->t, x->start, x->addr, MALLOC_METADATA);
    tally_blocks(j->t, x->addr, size, 1, cached ? MALLOC_TCACHED : MALLOC_IN_USE);
    tally_rest(j->t, x->addr + size, end, MALLOC_METADATA);
}

static void tell_extent(struct jemalloc *j, const struct jemalloc_extent *x) {
    if (!tally_span(j->t, x->start, x->start + x->size))
        tally_broken(j->t, x->edata ? x->edata : x->start);
    else if (!x->edata)
        tally_rest(j->t, x->start, x->start + x->size, MALLOC_METADATA);
    else if (x->state != EXTENT_ACTIVE)
        tally_rest(j->t, x->start, x->start + x->size,
                   x->state == EXTENT_RETAINED ? MALLOC_RESERVE : MALLOC_FREE_PAGES);
    else if (x->is_slab)
        tell_slab(j, x);
    else
        tell_large(j, x);
}

/* Without a thread of its own it gives pages back only while the program goes on calling it. */
const struct tally_release *jemalloc_walk(struct tally *t) {
    static const struct tally_release release = {
        "5.3", "MALLOC_CONF=background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0"};
    struct jemalloc j = {.t = t};
    int r = jemalloc_find_extents(&j);
    if (r == 0)
        jemalloc_find_caches(&j);
    for (size_t i = 0; r == 0 && i < j.extents.n; i++)
        tell_extent(&j, &j.extents.at[i]);
    vec_free(&j.extents);
    vec_free(&j.cached);
    return r == 0 ? &release : NULL;
}
