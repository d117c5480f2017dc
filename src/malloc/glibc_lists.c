/* Fastbins: chunks that are free although the chunk after them says they are in use. */
#include "base/limits.h"
#include "malloc/glibc.h"
#include <errno.h>

bool glibc_is_chunk(struct glibc *g, uint64_t chunk, uint64_t size_from, uint64_t size_to) {
    uint64_t size;
    size_t span;
    if ((chunk & 15) || !malloc_census_owner(g->c, chunk, &span) ||
        mem_pages_u64(&g->pages, chunk + CHUNK_SIZE, &size) < 0)
        return false;
    size &= ~(uint64_t)CHUNK_FLAGS;
    return size >= size_from && size <= size_to && size <= g->c->spans.at[span].end - chunk;
}

static uint64_t fast_size(int bin) {
    return (uint64_t)(bin + 2) * 16;
}

/* Follow one fastbin. `keep`: into c->fast. Gives the links that held, minus one for a broken end.
 */
static int64_t follow_fastbin(struct glibc *g, const struct malloc_arena *a, int bin, bool mangled,
                              uint64_t limit, bool keep) {
    uint64_t chunk, word,
        slot = glibc_bins(g, a) + (uint64_t)(int64_t)BINS_FASTBINS + 8 * (uint64_t)bin;
    int64_t held = 0;
    if (mem_pages_u64(&g->pages, slot, &chunk) < 0)
        return -1;
    for (uint64_t n = 0; chunk; n++) {
        if (n >= limit)
            return held;
        if (!glibc_is_chunk(g, chunk, fast_size(bin), fast_size(bin)))
            return held - 1;
        if (keep)
            vec_push(&g->c->fast, chunk);
        held++;
        if (mem_pages_u64(&g->pages, chunk + CHUNK_FD, &word) < 0)
            return held - 1;
        chunk = glibc_reveal(chunk + CHUNK_FD, word, mangled);
    }
    return held + 1;
}

/* 2.32 began to mangle the lists; whether this glibc does is seen by which reading holds together.
 */
static int mangling_vote(struct glibc *g) {
    int64_t votes[2] = {0, 0};
    for (int mangled = 0; mangled < 2; mangled++)
        for (size_t i = 0; i < g->c->arenas.n && i < 64; i++)
            for (int bin = 0; bin < FASTBINS; bin++) {
                uint64_t head;
                if (mem_pages_u64(&g->pages,
                                  glibc_bins(g, &g->c->arenas.at[i]) +
                                      (uint64_t)(int64_t)BINS_FASTBINS + 8 * (uint64_t)bin,
                                  &head) == 0 &&
                    head)
                    votes[mangled] +=
                        follow_fastbin(g, &g->c->arenas.at[i], bin, mangled, 32, false);
            }
    return votes[1] > votes[0] ? 1 : votes[0] > votes[1] ? 0 : -1;
}

void glibc_read_lists(struct glibc *g) {
    if (!g->c->glibc.has_fastbins)
        return;
    int mangled = mangling_vote(g);
    if (mangled >= 0) {
        g->c->glibc.mangling_known = true;
        g->c->glibc.mangled = mangled;
    }
    for (size_t i = 0; i < g->c->arenas.n; i++) {
        const struct malloc_arena *a = &g->c->arenas.at[i];
        for (int bin = 0; bin < FASTBINS; bin++) {
            uint64_t limit = a->system_bytes / CHUNK_MIN + 1;
            size_t before = g->c->fast.n;
            if (limit > LIMIT_LISTED_CHUNKS - g->c->fast.n)
                limit = LIMIT_LISTED_CHUNKS - g->c->fast.n;
            int64_t held = follow_fastbin(g, a, bin, g->c->glibc.mangled, limit, true);
            if (held != (int64_t)(g->c->fast.n - before) + 1) /* not ended by a null pointer */
                g->c->coverage.list_errors++;
        }
    }
}
