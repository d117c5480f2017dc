/* Finds main_arena by what its bins must look like, and the other arenas by its ring. */
#include "base/limits.h"
#include "base/mem.h"
#include "malloc/glibc.h"
#include <errno.h>
#include <string.h>

/* A copy of a module's writable data; what is not resident stays zero. */
struct data {
    uint64_t start, end;
    uint8_t *bytes;
};

static uint64_t word_at(const struct data *d, uint64_t addr) {
    uint64_t v;
    memcpy(&v, d->bytes + (addr - d->start), sizeof v);
    return v;
}

static void data_read(struct glibc *g, const struct region *r, struct data *ret) {
    ret->start = r->start;
    ret->end = r->end;
    ret->bytes = mem_zalloc(r->end - r->start);
    for (uint64_t page = r->start; page < r->end; page += PAGE_BYTES)
        mem_pages_read(&g->pages, page, ret->bytes + (page - r->start), PAGE_BYTES);
}

/* One bin: empty, its two words name itself as a chunk; else its chunks point back at it. */
static bool bin_holds(struct glibc *g, const struct data *d, uint64_t bin) {
    uint64_t fd = word_at(d, bin), bk = word_at(d, bin + 8), self = bin - 16, back;
    if (fd == self && bk == self)
        return true;
    if (!fd || !bk || (fd & 15) || (bk & 15) || fd == self || bk == self)
        return false;
    return mem_pages_u64(&g->pages, fd + CHUNK_BK, &back) == 0 && back == self &&
           mem_pages_u64(&g->pages, bk + CHUNK_FD, &back) == 0 && back == self;
}

/* How many of 127 bins do not hold, at most BROKEN_MAX + 1. A stop can fall into the relinking of
 * one; and the words beside the bins look like two broken ones to a neighbour of the right place.
 */
enum { BROKEN_MAX = 3 };
static int broken_bins(struct glibc *g, const struct data *d, uint64_t bins) {
    int broken = 0;
    if (bins + BINS_END > d->end)
        return BROKEN_MAX + 1;
    for (int i = 0; i < BINS_COUNT && broken <= BROKEN_MAX; i++)
        broken += !bin_holds(g, d, bins + 16 * (uint64_t)i);
    return broken;
}

/* The best of the places near the first that will do. */
static uint64_t best_bins(struct glibc *g, const struct data *d, uint64_t first, int broken) {
    uint64_t best = first;
    for (uint64_t b = first + 16; b <= first + 64 && broken; b += 16) {
        int n = broken_bins(g, d, b);
        if (n < broken) {
            broken = n;
            best = b;
        }
    }
    return best;
}

static uint64_t find_bins(struct glibc *g, const struct data *d) {
    if (d->end - d->start < BINS_END + 0x70)
        return 0;
    for (uint64_t b = d->start + 0x70; b + BINS_END <= d->end; b += 8) {
        /* Three neighbours at once is rare enough to look at the rest. */
        uint64_t fd1 = word_at(d, b + 16), fd2 = word_at(d, b + 32);
        bool empty1 = fd1 == b, empty2 = fd2 == b + 16;
        if (!fd1 || !fd2 || (fd1 & 7) || (fd2 & 7) || (!empty1 && (fd1 & 15)))
            continue;
        if (!empty2 && (fd2 & 15))
            continue;
        int broken = broken_bins(g, d, b);
        if (broken <= BROKEN_MAX)
            return best_bins(g, d, b, broken);
    }
    return 0;
}

/* The ring of arenas closes on main_arena for exactly one distance of bins. */
static bool ring_closes(struct glibc *g, uint64_t bins, uint32_t distance) {
    uint64_t start = bins - distance, at = start;
    for (uint32_t n = 0; n < LIMIT_ARENAS; n++) {
        if (mem_pages_u64(&g->pages, at + distance + BINS_NEXT, &at) < 0 || !at || (at & 7))
            return false;
        if (at == start)
            return true;
    }
    g->c->coverage.truncated = true;
    return false;
}

static uint32_t find_distance(struct glibc *g, uint64_t bins) {
    static const uint32_t distances[] = {0x70, 0x68, 0x18};
    for (size_t i = 0; i < sizeof distances / sizeof *distances; i++)
        if (ring_closes(g, bins, distances[i]))
            return distances[i];
    return 0;
}

/* 2.17-2.22 have system_mem where later ones count attached threads. */
static bool has_attached(struct glibc *g, uint64_t bins) {
    uint64_t a = 0, b = 0;
    if (mem_pages_u64(&g->pages, bins + BINS_ATTACHED, &a) < 0 ||
        mem_pages_u64(&g->pages, bins + BINS_SYSTEM_MEM, &b) < 0)
        return true;
    return !(a >= PAGE_BYTES && a % PAGE_BYTES == 0 && b >= a && b % PAGE_BYTES == 0);
}

static bool is_libc(const char *path) {
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return !strncmp(name, "libc.so", 7) || !strncmp(name, "libc-2.", 7);
}

/* libc first, then whatever else could have malloc linked in: a static binary, for one. */
static bool search_modules(struct glibc *g, bool libc, uint64_t *ret_bins, uint32_t *ret_distance) {
    const struct region_list *l = image_regions(g->img);
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        if (r->kind != REGION_FILE || r->shared || !(r->prot & REGION_W) ||
            is_libc(r->name) != libc || r->end - r->start > LIMIT_SEARCH_BYTES)
            continue;
        struct data d;
        data_read(g, r, &d);
        uint64_t bins = find_bins(g, &d);
        free(d.bytes);
        uint32_t distance = bins ? find_distance(g, bins) : 0;
        if (distance) {
            g->region_start = r->start;
            g->region_end = r->end;
            *ret_bins = bins;
            *ret_distance = distance;
            return true;
        }
    }
    return false;
}

static void add_arena(struct glibc *g, uint64_t addr) {
    struct malloc_arena a = {.addr = addr, .is_main = g->c->arenas.n == 0};
    uint64_t bins = addr + g->c->glibc.bins_at, v;
    uint64_t system = bins + (g->has_attached ? BINS_SYSTEM_MEM : BINS_ATTACHED);
    if (mem_pages_u64(&g->pages, addr, &v) == 0)
        a.busy = (uint32_t)v != 0;
    if (g->has_attached && mem_pages_u64(&g->pages, bins + BINS_ATTACHED, &v) == 0) {
        a.has_attached = true;
        a.attached = v;
    }
    if (mem_pages_u64(&g->pages, system, &v) == 0)
        a.system_bytes = v;
    if (mem_pages_u64(&g->pages, system + 8, &v) == 0)
        a.max_system_bytes = v;
    g->c->coverage.busy_arenas += a.busy;
    vec_push(&g->c->arenas, a);
}

int glibc_find(struct glibc *g) {
    struct malloc_glibc *f = &g->c->glibc;
    uint64_t bins = 0, at;
    uint32_t distance = 0;
    if (!search_modules(g, true, &bins, &distance) && !search_modules(g, false, &bins, &distance))
        return -ENODATA;
    f->main_arena = bins - distance;
    f->bins_at = distance;
    f->has_fastbins = distance >= (uint32_t)-BINS_FASTBINS;
    g->has_attached = has_attached(g, bins);
    g->bins_end = g->has_attached ? BINS_END : BINS_END - 8;
    at = f->main_arena;
    do
        add_arena(g, at);
    while (g->c->arenas.n < LIMIT_ARENAS &&
           mem_pages_u64(&g->pages, at + distance + BINS_NEXT, &at) == 0 && at != f->main_arena);
    if (at != f->main_arena)
        g->c->coverage.truncated = true;
    return 0;
}
