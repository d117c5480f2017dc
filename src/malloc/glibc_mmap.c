/* Chunks above the mmap threshold: mappings of their own, in no list. They are found by their
 * header at the start of anonymous memory; how many there are, mp_ says. */
#include "base/limits.h"
#include "base/search.h"
#include "malloc/glibc.h"

struct search {
    struct glibc *g;
    uint64_t count, bytes; /* found */
    uint64_t header;       /* of the one found last */
};

static bool enough(const struct search *s) {
    const struct malloc_glibc *f = &s->g->c->glibc;
    return f->mp_addr && s->count >= f->n_mmaps;
}

/* The mapping that begins at `map` if a chunk's header stands `offset` bytes into it; 0 if not.
 * malloc.c, sysmalloc_mmap() and _int_memalign(): prev_size is the offset. */
static uint64_t mapping_at(struct search *s, uint64_t map, uint64_t offset, uint64_t limit) {
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
    s->header = map + offset;
    return total % PAGE_BYTES == 0 && total <= limit - map ? total : 0;
}

/* memalign'ed chunks begin where their memory is aligned: one candidate per power of two. */
static uint64_t aligned_mapping_at(struct search *s, uint64_t map, uint64_t limit,
                                   uint64_t align_max) {
    for (uint64_t align = 32; align <= align_max; align *= 2) {
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

uint64_t glibc_skip_to(const struct malloc_hints *h, uint64_t addr) {
    size_t lo = first_where(h->n_skip, i, h->skip[i].end > addr);
    return lo < h->n_skip && h->skip[lo].start <= addr ? h->skip[lo].end : 0;
}

/* Memory aligned to a page or more has its header at the end of a page, and that says how far back
 * the mapping begins. Gives the mapping's size, and its start. */
static uint64_t mapping_around(struct search *s, uint64_t page, const struct region *r,
                               uint64_t *ret_map) {
    uint64_t h[2], header = page + PAGE_BYTES - 16;
    if (mem_window_pair(&s->g->window, header, h) < 0 || (h[1] & CHUNK_FLAGS) != CHUNK_MMAPPED)
        return 0;
    uint64_t offset = h[0] & ~(uint64_t)15;
    if (offset > header - r->start || (header - offset) % PAGE_BYTES)
        return 0;
    *ret_map = header - offset;
    return mapping_at(s, *ret_map, offset, r->end);
}

static void take(struct search *s, uint64_t map, uint64_t total) {
    struct glibc *g = s->g;
    struct malloc_span span = {.start = map,
                               .end = map + total,
                               .used_end = map + total,
                               .arena = MALLOC_SPAN_MMAPPED,
                               .header = s->header};
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
    cls->in_use_resident += span.resident;
    s->count++;
    s->bytes += total;
}

/* The mapping that begins at `at`, or (every page) whose header is on that page. */
static uint64_t look_at(struct search *s, uint64_t at, const struct region *r, bool every_page,
                        uint64_t *ret_map) {
    uint64_t total = 0, align_max = every_page ? PAGE_BYTES / 2 : 64 << 20;
    *ret_map = at;
    if (page_is_readable(s->g->res, at, NULL))
        total = mapping_at(s, at, 0, r->end);
    else if (every_page)
        return 0;
    if (!total) /* memalign may have left the first page untouched */
        total = aligned_mapping_at(s, at, r->end, align_max);
    if (!total && every_page)
        total = mapping_around(s, at, r, ret_map);
    return total;
}

/* The first page from `at` on that may be read. */
static uint64_t next_readable(const struct search *s, uint64_t at, uint64_t end) {
    const struct residency *res = s->g->res;
    if (!res || at >= end)
        return at;
    size_t run = residency_lower_bound(res, at);
    if (run == res->n)
        return end;
    return res->at[run].start > at ? res->at[run].start : at;
}

/* One anonymous mapping, or several that the kernel shows as one. `every_page`: look at each page,
 * else only where a mapping begins or the last chunk ended. */
static void search_region(struct search *s, const struct region *r, bool every_page) {
    struct glibc *g = s->g;
    uint64_t next;
    for (uint64_t at = r->start; at < r->end && !enough(s); at = next) {
        size_t span;
        uint64_t map, over = glibc_skip_to(g->hints, at);
        if (over > at) {
            next = (over + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
            continue;
        }
        if (malloc_census_owner(g->c, at, &span)) {
            next = (g->c->spans.at[span].end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
            continue;
        }
        uint64_t total = look_at(s, at, r, every_page, &map);
        if (total) {
            take(s, map, total);
            next = map + total;
        } else {
            next = every_page ? next_readable(s, at + PAGE_BYTES, r->end) : r->end;
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
