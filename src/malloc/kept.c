/* What of malloc's memory is malloc's own: everything the census was read from, and nothing the
 * program wrote. */
#include "base/limits.h"
#include "base/u64.h"
#include "malloc/glibc.h"

typedef void keep_fn(void *arg, uint64_t start, uint64_t end);

struct kept {
    const struct malloc_census *c;
    struct mem_window window;
    uint64_t start, end;
    keep_fn *keep;
    void *arg;
};

static void keep(const struct kept *k, uint64_t start, uint64_t end) {
    if (start < k->start)
        start = k->start;
    if (end > k->end)
        end = k->end;
    if (start < end)
        k->keep(k->arg, start, end);
}

static bool is_listed(const uint64_t *at, size_t n, uint64_t chunk) {
    size_t i = u64_lower_bound(at, n, chunk);
    return i < n && at[i] == chunk;
}

/* prev_size is the program's while the chunk before is in use. The link of a listed chunk may be
 * mangled, so it does not look like a pointer. */
static void keep_chunk(const struct kept *k, uint64_t chunk, uint64_t head) {
    const struct malloc_census *c = k->c;
    keep(k, head & CHUNK_PREV_INUSE ? chunk + CHUNK_SIZE : chunk, chunk + CHUNK_FD);
    if (is_listed(c->fast.at, c->fast.n, chunk) || is_listed(c->tcached.at, c->tcached.n, chunk))
        keep(k, chunk + CHUNK_FD, chunk + CHUNK_FD + 8);
}

/* From where the census says that a chunk begins; where the chain breaks, from the next such place.
 */
static void keep_chain(struct kept *k, const struct malloc_span *s, uint64_t from) {
    size_t block = (from - s->start) / MALLOC_INDEX_BYTES;
    uint64_t base = s->start & ~15ull, h[2];
    for (; block < s->n_index; block++) {
        uint64_t stop = s->start + (block + 1) * MALLOC_INDEX_BYTES;
        uint64_t at = base + 16ull * s->index[block];
        if (s->start + block * MALLOC_INDEX_BYTES >= k->end)
            return;
        if (s->index[block] == MALLOC_INDEX_NONE)
            continue;
        while (at < stop && at + 16 <= s->used_end && mem_window_pair(&k->window, at, h) == 0) {
            uint64_t size = h[1] & ~(uint64_t)CHUNK_FLAGS;
            keep_chunk(k, at, h[1]);
            if (size < CHUNK_FENCE || size > s->used_end - at)
                break;
            at += size;
        }
    }
}

static void keep_span(struct kept *k, const struct malloc_span *s) {
    if (s->end <= k->start || s->start >= k->end)
        return;
    if (s->arena == MALLOC_SPAN_MMAPPED) {
        keep(k, s->header, s->header + CHUNK_FD);
        return;
    }
    if (s->arena < 0 || !s->n_index || s->index[0] == MALLOC_INDEX_NONE)
        return;
    keep(k, s->start, (s->start & ~15ull) + 16ull * s->index[0]); /* headers of heap and arena */
    keep_chain(k, s, k->start > s->start ? k->start : s->start);
}

void malloc_each_kept(const struct image *img, const struct malloc_census *c, uint64_t start,
                      uint64_t end, keep_fn *fn, void *arg) {
    enum { PAR_BYTES = 256 };
    struct kept k = {.c = c, .start = start, .end = end, .keep = fn, .arg = arg};
    const struct malloc_glibc *g = &c->glibc;
    if (!g->main_arena)
        return;
    mem_window_init(&k.window, img);
    for (size_t i = 0; i < c->spans.n; i++)
        keep_span(&k, &c->spans.at[i]);
    keep(&k, g->main_arena, g->main_arena + g->bins_at + BINS_END);
    if (g->mp_addr)
        keep(&k, g->mp_addr - PAR_BYTES / 2, g->mp_addr + PAR_BYTES / 2);
    for (size_t i = 0; i < c->tcaches.n; i++)
        keep(&k, c->tcaches.at[i] - CHUNK_FD, c->tcaches.at[i] + TCACHE_MAX_BYTES);
    mem_window_done(&k.window);
}
