#include "v8/isolates.h"

#include "base/limits.h"
#include <errno.h>
#include <string.h>

static bool is_map_of(const struct image *img, uint64_t map, uint64_t meta) {
    uint64_t first;
    return (map & 3) == 1 && image_read_u64(img, map - 1, &first) == 0 && first == meta;
}

static bool roots_explain(const struct image *img, const struct v8_layout *l, uint64_t roots,
                          const uint64_t *values) {
    int fixed = v8_layout_root(l, "fixed_array_map"), bytes = v8_layout_root(l, "byte_array_map");
    uint64_t local[3];
    if (fixed < 0 || bytes < 0)
        return false;
    if (values) {
        local[0] = values[l->meta_map_index];
        local[1] = values[fixed];
        local[2] = values[bytes];
    } else if (image_read_u64(img, roots + 8 * (uint64_t)l->meta_map_index, &local[0]) < 0 ||
               image_read_u64(img, roots + 8 * (uint64_t)fixed, &local[1]) < 0 ||
               image_read_u64(img, roots + 8 * (uint64_t)bytes, &local[2]) < 0) {
        return false;
    }
    return is_map_of(img, local[0], local[0]) && local[1] != local[0] &&
           is_map_of(img, local[1], local[0]) && is_map_of(img, local[2], local[0]);
}

int v8_roots_find(const struct image *img, const struct v8_layout *l, uint64_t heap,
                  uint64_t *ret) {
    enum { NEAR = 0x40000 };
    uint64_t expected = heap - (uint64_t)l->facts.heap_from_roots;
    if (roots_explain(img, l, expected, NULL)) {
        *ret = expected;
        return 0;
    }
    /* Another build of a known line: the table stands somewhere before the heap. */
    const struct region *r = region_find(image_regions(img), heap);
    if (!r)
        return -ENODATA;
    uint64_t from = heap - r->start > NEAR ? heap - NEAR : r->start;
    from = (from + 7) & ~7ull;
    cleanup_free uint64_t *words = mem_alloc(heap - from + 8);
    if (image_read(img, from, words, heap - from) < 0)
        return -ENODATA;
    size_t n = (heap - from) / 8;
    for (size_t i = 0; i + l->n_roots <= n; i++)
        if ((words[i + (size_t)l->meta_map_index] & 3) == 1 &&
            roots_explain(img, l, from + 8 * i, words + i)) {
            *ret = from + 8 * i;
            return 0;
        }
    return -ENODATA;
}

static uint32_t read_gc_state(const struct image *img, const struct v8_layout *l, uint64_t heap) {
    uint32_t state;
    if (l->facts.gc_state_offset < 0 ||
        image_read(img, heap + (uint64_t)l->facts.gc_state_offset, &state, sizeof state) < 0)
        return UINT32_MAX;
    return state;
}

int v8_isolates_find(const struct image *img, const struct v8_layout *l, struct v8_pages *pages,
                     struct v8_isolate_list *ret) {
    struct map64 index = {0};
    for (size_t i = 0; i < pages->list.n; i++) {
        struct v8_page *g = &pages->list.at[i];
        uint64_t at;
        if (!g->in_use || !g->heap)
            continue;
        if (!map64_get(&index, g->heap, &at)) {
            struct v8_isolate iso = {.heap = g->heap};
            at = 0;
            if (v8_roots_find(img, l, g->heap, &iso.roots) == 0) {
                iso.isolate = l->facts.heap_from_isolate >= 0
                                  ? g->heap - (uint64_t)l->facts.heap_from_isolate
                                  : 0;
                iso.gc_state = read_gc_state(img, l, g->heap);
                vec_push(&ret->list, iso);
                at = ret->list.n;
            }
            map64_put(&index, g->heap, at);
        }
        if (at)
            g->isolate = (int)at - 1;
        else
            g->in_use = false;
    }
    map64_done(&index);
    return ret->list.n ? 0 : -ENODATA;
}

/* --- allocation areas --- */

static const struct v8_page *regular_page(const struct v8_pages *pages, uint64_t addr) {
    const struct v8_page *g = v8_pages_at(pages, addr);
    return g && g->size == V8_PAGE_ALIGN && addr >= g->area_start && addr <= g->area_end ? g : NULL;
}

static bool is_area(const struct v8_pages *pages, uint64_t low, uint64_t high) {
    if (((low | high) & 7) || low >= high || high - low > V8_PAGE_ALIGN)
        return false;
    const struct v8_page *g = regular_page(pages, low);
    return g && high <= g->area_end;
}

static void add_lab(struct v8_lab_list *l, uint64_t top, uint64_t limit) {
    if (top < limit)
        vec_push(&l->list, (struct v8_lab){top, limit});
}

/* V8 keeps areas as {start, top, limit}. In a row of words, take the triple where there is one, and
 * never (start, top) for (top, limit). */
static void scan_for_labs(const struct v8_pages *pages, const uint64_t *w, size_t n,
                          struct v8_lab_list *ret) {
    for (size_t i = 0; i + 2 < n; i++) {
        if (w[i + 1] <= w[i] || w[i + 1] - w[i] > V8_PAGE_ALIGN || !is_area(pages, w[i], w[i + 1]))
            continue;
        if (w[i + 2] > w[i + 1] && is_area(pages, w[i], w[i + 2])) {
            add_lab(ret, w[i + 1], w[i + 2]);
            i += 2;
        } else if (i && w[i - 1] <= w[i] && is_area(pages, w[i - 1], w[i + 1])) {
            add_lab(ret, w[i], w[i + 1]);
        } else if (w[i + 2] == w[i + 1]) {
            i += 2; /* start < top == limit: empty */
        } else {
            add_lab(ret, w[i], w[i + 1]);
        }
    }
}

static void scan_memory(const struct image *img, const struct v8_pages *pages, uint64_t from,
                        uint64_t to, struct v8_lab_list *ret) {
    cleanup_free uint64_t *buf = mem_alloc(to - from);
    size_t got = image_read_prefix(img, from, buf, to - from);
    scan_for_labs(pages, buf, got / 8, ret);
}

static bool is_native_pointer(const struct image *img, const struct v8_pages *pages, uint64_t p) {
    if (!p || (p & 7) || p >= LIMIT_USER_ADDR || v8_pages_at(pages, p))
        return false;
    const struct region *r = region_find(image_regions(img), p);
    return r && (r->prot & REGION_W);
}

/* A space object, and one step further: its allocator may be an object of its own. */
static void scan_space(const struct image *img, const struct v8_pages *pages, uint64_t owner,
                       bool is_new, struct v8_lab_list *ret) {
    enum { BEFORE = 0x400, AFTER = 0x200, STEP = 0x80 };
    uint64_t words[AFTER / 8];
    /* A semi-space is a member of the new space, whose area stands before it. */
    scan_memory(img, pages, owner - (is_new ? BEFORE : 0), owner + AFTER, ret);
    size_t got = image_read_prefix(img, owner, words, sizeof words) / 8;
    for (size_t i = 0; i < got && i < 40; i++)
        if (is_native_pointer(img, pages, words[i]))
            scan_memory(img, pages, words[i], words[i] + STEP, ret);
}

static int by_top(const void *a, const void *b) {
    const struct v8_lab *x = a, *y = b;
    if (x->top != y->top)
        return x->top < y->top ? -1 : 1;
    return x->limit < y->limit ? -1 : x->limit > y->limit;
}

/* Of several with one limit only the greatest top is the area: others are its start. */
static void settle(struct v8_lab_list *l) {
    vec_sort(&l->list, by_top);
    size_t kept = 0;
    for (size_t i = 0; i < l->list.n; i++) {
        struct v8_lab a = l->list.at[i];
        bool superseded = false;
        for (size_t k = i + 1; k < l->list.n && l->list.at[k].top < a.limit && !superseded; k++)
            superseded = l->list.at[k].limit == a.limit;
        if (!superseded)
            l->list.at[kept++] = a;
    }
    l->list.n = kept;
}

void v8_labs_find(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                  const struct v8_isolate_list *isolates, struct v8_lab_list *ret) {
    (void)l;
    for (size_t i = 0; i < isolates->list.n; i++) {
        const struct v8_isolate *iso = &isolates->list.at[i];
        uint64_t low = iso->roots < iso->heap ? iso->roots : iso->heap;
        uint64_t high = iso->roots < iso->heap ? iso->heap : iso->roots;
        if (high - low < 0x100000)
            scan_memory(img, pages, low - 0x1000, high + 0x2800, ret);
    }
    struct map64 seen = {0};
    for (size_t i = 0; i < pages->list.n; i++) {
        const struct v8_page *g = &pages->list.at[i];
        uint64_t known;
        if (!g->in_use || !g->owner || map64_get(&seen, g->owner, &known))
            continue;
        map64_put(&seen, g->owner, 1);
        scan_space(img, pages, g->owner, g->space == V8_NEW, ret);
    }
    map64_done(&seen);
    settle(ret);
}

static bool is_stuck(const uint64_t *stuck, size_t n, uint64_t word) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (stuck[mid] < word)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && stuck[lo] == word;
}

static size_t search_run(const struct image *img, const struct v8_pages *pages, uint64_t from,
                         uint64_t to, const uint64_t *stuck, size_t n_stuck, uint64_t *buf,
                         struct v8_lab_list *ret) {
    enum { WINDOW = 1 << 20 };
    size_t found = 0;
    for (uint64_t at = from; at < to; at += WINDOW - 8) {
        uint64_t len = to - at < WINDOW ? to - at : WINDOW;
        size_t n = image_read_prefix(img, at, buf, len) / 8;
        for (size_t i = 0; i + 1 < n; i++)
            if (buf[i] >= stuck[0] && buf[i] <= stuck[n_stuck - 1] &&
                is_stuck(stuck, n_stuck, buf[i]) && is_area(pages, buf[i], buf[i + 1])) {
                add_lab(ret, buf[i], buf[i + 1]);
                found++;
            }
        if (len < WINDOW)
            break;
    }
    return found;
}

size_t v8_labs_search(const struct image *img, const struct v8_pages *pages, const uint64_t *stuck,
                      size_t n_stuck, struct v8_lab_list *ret) {
    const struct residency *res = image_residency(img);
    const struct region_list *regions = image_regions(img);
    cleanup_free uint64_t *buf = mem_alloc(1 << 20);
    size_t found = 0;
    if (!res || !n_stuck)
        return 0;
    for (size_t i = 0; i < res->n; i++) {
        uint64_t at = res->at[i].start, end = res->at[i].end;
        const struct region *r = region_find(regions, at);
        if (!r || (r->prot & (REGION_R | REGION_W)) != (REGION_R | REGION_W) || r->shared)
            continue;
        while (at < end) { /* leave out V8's own pages */
            const struct v8_page *g = v8_pages_at(pages, at);
            if (g) {
                at = g->addr + g->size;
                continue;
            }
            uint64_t stop = (at / V8_PAGE_ALIGN + 1) * V8_PAGE_ALIGN;
            while (stop < end && !v8_pages_at(pages, stop))
                stop += V8_PAGE_ALIGN;
            if (stop > end)
                stop = end;
            found += search_run(img, pages, at, stop, stuck, n_stuck, buf, ret);
            at = stop;
        }
    }
    settle(ret);
    return found;
}

const struct v8_lab *v8_lab_at(const struct v8_lab_list *l, uint64_t addr) {
    size_t lo = 0, hi = l->list.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->list.at[mid].top < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < l->list.n && l->list.at[lo].top == addr ? &l->list.at[lo] : NULL;
}
