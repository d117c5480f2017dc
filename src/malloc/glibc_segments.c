/* Where the arenas' chunks are: the brk area, mapped extensions of the main arena, and the heaps of
 * thread arenas. */
#include "base/limits.h"
#include "base/search.h"
#include "malloc/glibc.h"
#include <string.h>

static uint64_t align16(uint64_t v) {
    return (v + 15) & ~15ull;
}

bool glibc_add_span(struct glibc *g, const struct malloc_span *s, uint64_t first_chunk) {
    size_t n = g->c->spans.n;
    size_t at = first_where(n, i, g->c->spans.at[i].start >= s->start);
    if (s->start >= s->end || s->end > LIMIT_USER_ADDR ||
        (at > 0 && g->c->spans.at[at - 1].end > s->start) ||
        (at < n && g->c->spans.at[at].start < s->end)) {
        g->c->coverage.list_errors++;
        return false;
    }
    vec_push(&g->c->spans, *s);
    vec_push(&g->first_chunks, first_chunk);
    memmove(&g->c->spans.at[at + 1], &g->c->spans.at[at], (n - at) * sizeof *g->c->spans.at);
    memmove(&g->first_chunks.at[at + 1], &g->first_chunks.at[at],
            (n - at) * sizeof *g->first_chunks.at);
    g->c->spans.at[at] = *s;
    g->first_chunks.at[at] = first_chunk;
    return true;
}

static bool in_brk(const struct glibc *g, uint64_t addr, uint64_t *ret_start, uint64_t *ret_end) {
    const struct region_list *l = image_regions(g->img);
    const struct region *r = region_find(l, addr);
    if (!r || r->kind != REGION_HEAP)
        return false;
    const struct region *first = r, *last = r;
    while (first > l->at && first[-1].kind == REGION_HEAP && first[-1].end == first->start)
        first--;
    while (last + 1 < l->at + l->n && last[1].kind == REGION_HEAP && last[1].start == last->end)
        last++;
    *ret_start = first->start;
    *ret_end = last->end;
    return true;
}

/* Follow a chain of chunks that may be a mapped part of the main arena: it must lead to top, or to
 * fenceposts at the end of a page. Gives the end, or 0. */
static uint64_t follow_segment(struct glibc *g, uint64_t at, uint64_t limit, uint64_t top) {
    for (uint64_t n = 0; at + 32 <= limit && g->budget; n++, g->budget--) {
        uint64_t h[2];
        if (mem_window_pair(&g->window, at, h) < 0)
            return 0;
        uint64_t size = h[1] & ~(uint64_t)CHUNK_FLAGS;
        if ((h[1] & (CHUNK_MMAPPED | CHUNK_NON_MAIN)) || (n == 0 && !(h[1] & CHUNK_PREV_INUSE)))
            return 0;
        if (at == top)
            return size <= limit - at ? at + size : 0;
        if (size == CHUNK_FENCE && n) { /* a remainder too small for a chunk looks like a third */
            uint64_t end = (at + PAGE_BYTES) & ~(PAGE_BYTES - 1);
            return end - at <= 3 * CHUNK_FENCE && end <= limit ? end : 0;
        }
        if (size < CHUNK_MIN || (size & 15) || size > limit - at)
            return 0;
        at += size;
    }
    return 0;
}

/* When brk cannot grow, sysmalloc() extends the main arena by mappings of 1 MiB or more, which
 * nothing names. Look for them until the arena's own sum is reached. */
static uint64_t find_mapped_segments(struct glibc *g, uint64_t top, uint64_t known_bytes) {
    const struct region_list *l = image_regions(g->img);
    uint64_t system = g->c->arenas.at[0].system_bytes;
    for (size_t i = 0; i < l->n && known_bytes < system; i++) {
        const struct region *r = &l->at[i];
        if (r->kind != REGION_ANON || (r->prot & (REGION_R | REGION_W)) != (REGION_R | REGION_W))
            continue;
        for (uint64_t p = r->start; p + CHUNK_MIN < r->end && known_bytes < system;) {
            uint64_t end = 0, next, over = glibc_skip_to(g->hints, p);
            if (over > p) {
                p = (over + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
                continue;
            }
            if (!page_is_readable(g->res, p, &next)) {
                size_t run = g->res ? residency_lower_bound(g->res, p) : 0;
                if (!g->res || run == g->res->n)
                    break;
                p = g->res->at[run].start;
                continue;
            }
            end = follow_segment(g, p, r->end, top);
            struct malloc_span s = {.start = p, .end = end, .used_end = end};
            if (end && glibc_add_span(g, &s, p))
                known_bytes += end - p;
            p = end ? (end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1) : p + PAGE_BYTES;
        }
    }
    return known_bytes;
}

/* Where the brk part of the main arena ends: by top's own size and by the arena's sum, which differ
 * while sysmalloc(), systrim() or a split of top is under way. */
static uint64_t brk_part_end(struct glibc *g, uint64_t start, uint64_t top, uint64_t brk_end,
                             bool contiguous) {
    uint64_t size = 0, by_sum = start + g->c->arenas.at[0].system_bytes;
    if (mem_pages_u64(&g->pages, top + CHUNK_SIZE, &size) < 0)
        g->c->coverage.list_errors++;
    size &= ~(uint64_t)CHUNK_FLAGS;
    if (contiguous && by_sum > top && by_sum <= brk_end)
        return by_sum;
    return size && size <= brk_end - top ? top + size : brk_end;
}

/* malloc.c, set_noncontiguous(): from then on parts of the arena may be mappings. */
static bool is_contiguous(struct glibc *g) {
    uint64_t head = 0;
    if (mem_pages_u64(&g->pages, g->c->glibc.main_arena, &head) < 0)
        g->c->coverage.list_errors++;
    return !((uint32_t)(head >> (8 * STATE_FLAGS)) & STATE_NONCONTIGUOUS);
}

static void main_segments(struct glibc *g) {
    struct malloc_arena *a = &g->c->arenas.at[0];
    uint64_t top = 0, brk_start, brk_end, known = 0;
    uint64_t start = g->c->glibc.sbrk_base;
    bool contiguous = is_contiguous(g);
    if (mem_pages_u64(&g->pages, glibc_bins(g, a) + BINS_TOP, &top) < 0)
        g->c->coverage.list_errors++;
    bool top_in_brk = in_brk(g, top, &brk_start, &brk_end);
    if (!start && top_in_brk)
        start = brk_start; /* mp_ was not found: true unless something used brk before */
    if (start && in_brk(g, start, &brk_start, &brk_end)) {
        struct malloc_span s = {.start = start, .end = brk_end, .used_end = brk_end};
        if (top_in_brk)
            s.end = s.used_end = brk_part_end(g, start, top, brk_end, contiguous);
        if (glibc_add_span(g, &s, align16(start)))
            known = s.end - s.start;
    }
    if (contiguous && known) /* else a core may not tell which mapping is brk's */
        return;              /* sums may differ only while the break is being moved */
    known = find_mapped_segments(g, top, known);
    if (known < a->system_bytes)
        g->c->coverage.arena_missing_bytes = a->system_bytes - known;
}

/* The heap_info a chunk of a thread arena belongs to: aligned to what the release used. */
static uint64_t heap_of(struct glibc *g, uint64_t chunk, uint64_t arena) {
    for (size_t i = 0; i < sizeof heap_alignments / sizeof *heap_alignments; i++) {
        uint64_t heap = chunk & ~(heap_alignments[i] - 1), owner;
        if (heap && mem_pages_u64(&g->pages, heap + HEAP_AR_PTR, &owner) == 0 && owner == arena)
            return heap;
    }
    return 0;
}

static void thread_segments(struct glibc *g, size_t index) {
    struct malloc_arena *a = &g->c->arenas.at[index];
    uint64_t top, heap, info[4];
    uint32_t header = g->c->glibc.heap_info;
    if (mem_pages_u64(&g->pages, glibc_bins(g, a) + BINS_TOP, &top) < 0 ||
        !(heap = heap_of(g, top, a->addr))) {
        g->c->coverage.list_errors++;
        return;
    }
    while (heap && g->c->spans.n < LIMIT_HEAPS) {
        if (mem_pages_read(&g->pages, heap, info, sizeof info) < 0 || info[0] != a->addr ||
            info[2] > info[3] || info[3] > heap_alignments[2] || (info[2] & (PAGE_BYTES - 1)) ||
            (info[3] & (PAGE_BYTES - 1))) {
            g->c->coverage.list_errors++;
            return;
        }
        bool first = a->addr > heap && a->addr - heap <= 0x40;
        uint64_t chunk = heap + header;
        if (first)
            chunk = align16(glibc_bins(g, a) + g->bins_end);
        struct malloc_span s = {.start = heap,
                                .end = heap + info[3],
                                .used_end = heap + info[2],
                                .arena = (int32_t)index};
        if (!glibc_add_span(g, &s, chunk))
            return; /* a loop ends here too */
        a->heaps++;
        heap = info[1];
    }
    if (heap)
        g->c->coverage.truncated = true;
}

/* sizeof(heap_info): how far behind its heap's start an arena's struct begins. */
static uint32_t heap_info_size(struct glibc *g) {
    static const uint32_t sizes[] = {0x30, 0x20};
    for (size_t i = 1; i < g->c->arenas.n; i++)
        for (size_t k = 0; k < 2; k++) {
            uint64_t owner, addr = g->c->arenas.at[i].addr;
            if (((addr - sizes[k]) & (PAGE_BYTES - 1)) == 0 &&
                mem_pages_u64(&g->pages, addr - sizes[k], &owner) == 0 && owner == addr)
                return sizes[k];
        }
    return 0;
}

void glibc_find_segments(struct glibc *g) {
    g->c->glibc.heap_info = heap_info_size(g);
    main_segments(g);
    for (size_t i = 1; i < g->c->arenas.n; i++)
        thread_segments(g, i);
}
