/* Chunks above the mmap threshold: mappings of their own, in no list. They are found by their
 * header at the start of anonymous memory; how many there are, mp_ says. */
#include "base/limits.h"
#include "malloc/glibc.h"

struct search {
    struct glibc *g;
    uint64_t count, bytes; /* found */
    uint64_t readable_to;  /* the last residency answer */
};

static bool enough(const struct search *s) {
    const struct malloc_glibc *f = &s->g->c->glibc;
    return f->mp_addr && s->count >= f->n_mmaps;
}

/* The mapping that begins at `map` if a chunk's header stands `offset` bytes into it; 0 if not.
 * malloc.c, sysmalloc_mmap() and _int_memalign(): prev_size is the offset. */
static uint64_t mapping_at(const struct search *s, uint64_t map, uint64_t offset, uint64_t limit) {
    uint64_t h[2];
    uint64_t header = s->g->c->glibc.has_fastbins ? 0 : MMAP_HEADER_243;
    if (map + offset + CHUNK_MIN > limit || mem_window_pair(&s->g->window, map + offset, h) < 0)
        return 0;
    uint64_t size = h[1] & ~(uint64_t)CHUNK_FLAGS;
    uint64_t prev = header ? h[0] & ~(uint64_t)MMAP_HP_243 : h[0];
    if ((h[1] & CHUNK_FLAGS) != CHUNK_MMAPPED || prev != offset || (size & 15) ||
        size > limit - map - offset)
        return 0;
    uint64_t total = offset + size + header;
    return total % PAGE_BYTES == 0 && total <= limit - map ? total : 0;
}

/* memalign'ed chunks begin where their memory is aligned: one candidate per power of two. */
static uint64_t aligned_mapping_at(const struct search *s, uint64_t map, uint64_t limit) {
    for (uint64_t align = 32; align <= 64 << 20; align *= 2) {
        uint64_t mem = (map + 16 + align - 1) & ~(align - 1);
        if (mem - 16 == map || mem >= limit)
            continue;
        if (!page_is_readable(s->g->res, mem - 16, NULL))
            continue;
        uint64_t total = mapping_at(s, map, mem - 16 - map, limit);
        if (total)
            return total;
    }
    return 0;
}

static uint64_t skip_to(const struct malloc_hints *h, uint64_t addr) {
    size_t lo = 0, hi = h->n_skip;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (h->skip[mid].end <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < h->n_skip && h->skip[lo].start <= addr ? h->skip[lo].end : 0;
}

static void take(struct search *s, uint64_t map, uint64_t total) {
    struct glibc *g = s->g;
    struct malloc_span span = {
        .start = map, .end = map + total, .used_end = map + total, .arena = MALLOC_SPAN_MMAPPED};
    struct malloc_size_class *cls = &g->c->classes[malloc_size_class_of(total)];
    if (g->res)
        span.resident = residency_bytes(g->res, map, map + total);
    if (!glibc_add_span(g, &span, map))
        return;
    g->c->mmapped.bytes += total;
    g->c->mmapped.resident += span.resident;
    g->c->mmapped.count++;
    cls->in_use_count++;
    cls->in_use_bytes += total;
    s->count++;
    s->bytes += total;
}

/* One anonymous mapping, or several that the kernel shows as one. `every_page`: look at each page,
 * else only where a mapping begins or the last chunk ended. */
static void search_region(struct search *s, const struct region *r, bool every_page) {
    struct glibc *g = s->g;
    uint64_t next;
    for (uint64_t at = r->start; at < r->end && !enough(s); at = next) {
        size_t span;
        uint64_t total = 0, over = skip_to(g->hints, at);
        next = every_page ? at + PAGE_BYTES : r->end;
        if (over > at) {
            next = (over + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
            continue;
        }
        if (malloc_census_owner(g->c, at, &span)) {
            next = (g->c->spans.at[span].end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
            continue;
        }
        if (page_is_readable(g->res, at, NULL))
            total = mapping_at(s, at, 0, r->end);
        else if (every_page && g->res) {
            /* memalign may have left the first page untouched; else on to what is in memory */
            size_t run = residency_lower_bound(g->res, at);
            total = aligned_mapping_at(s, at, r->end);
            if (!total)
                next = run < g->res->n ? g->res->at[run].start : r->end;
        }
        if (!total && page_is_readable(g->res, at, NULL))
            total = aligned_mapping_at(s, at, r->end);
        if (total) {
            take(s, at, total);
            next = at + total;
        }
    }
}

void glibc_find_mmapped(struct glibc *g) {
    const struct region_list *l = image_regions(g->img);
    struct search s = {.g = g};
    for (int every_page = 0; every_page < 2 && !enough(&s); every_page++)
        for (size_t i = 0; i < l->n && !enough(&s); i++) {
            const struct region *r = &l->at[i];
            if (r->kind == REGION_ANON && !r->shared &&
                (r->prot & (REGION_R | REGION_W)) == (REGION_R | REGION_W))
                search_region(&s, r, every_page);
        }
    if (g->c->glibc.mp_addr && s.count < g->c->glibc.n_mmaps)
        g->c->coverage.mmapped_missing = g->c->glibc.n_mmaps - s.count;
}
