/* Allocation areas (LinearAllocationArea, src/heap/linear-allocation-area.h): found by what they
 * look like, because every version keeps them elsewhere. */
#include "v8/isolates.h"

#include "base/limits.h"
#include "base/search.h"
#include "base/u64.h"
#include <string.h>

/* [low, high] lies in the object area of one page for small objects. */
static bool same_page(const struct v8_pages *pages, uint64_t low, uint64_t high) {
    if (((low | high) & 7) || low > high || high - low > V8_PAGE_ALIGN)
        return false;
    const struct v8_page *g = v8_pages_at(pages, low);
    return g && g->size <= V8_PAGE_ALIGN && low >= g->area_start && high <= g->area_end;
}

/* The area that words at `w` describe (three of them readable): how many words it takes, or 0. A
 * limit that V8 7.8 lowered need not be aligned (SpaceWithLinearArea::ComputeLimit, spaces.cc). */
static size_t record_at(const struct v8_pages *pages, const uint64_t *w,
                        struct v8_lab_record *ret) {
    uint64_t second = w[1] & ~7ull;
    bool lowered = second != w[1];
    if (second < w[0] || second - w[0] > V8_PAGE_ALIGN || !w[0] || !same_page(pages, w[0], second))
        return 0;
    if (!lowered && w[2] >= second && w[2] > w[0] && same_page(pages, w[0], w[2])) {
        *ret = (struct v8_lab_record){.start = w[0], .top = second, .limit = w[2]};
        return 3;
    }
    if (w[0] == second)
        return 0;
    *ret = (struct v8_lab_record){w[0], w[0], second, .original = !lowered, .lowered = lowered};
    return 2;
}

static void scan_words(const struct v8_pages *pages, const uint64_t *w, size_t n,
                       struct v8_lab_list *ret) {
    struct v8_lab_record rec;
    for (size_t i = 0; i + 2 < n;) {
        size_t took = record_at(pages, w + i, &rec);
        if (took)
            vec_push(&ret->records, rec);
        i += took ? took : 1;
    }
}

static void scan_memory(const struct image *img, const struct v8_pages *pages, uint64_t from,
                        uint64_t to, struct v8_lab_list *ret) {
    cleanup_free uint64_t *buf = mem_alloc(to - from);
    size_t got = image_read_prefix(img, from, buf, to - from);
    scan_words(pages, buf, got / 8, ret);
}

/* A space object, and one step further: its allocator may be an object of its own. */
static void scan_space(const struct image *img, const struct v8_pages *pages, uint64_t owner,
                       bool is_new, struct v8_lab_list *ret) {
    enum { BEFORE = 0x400, AFTER = 0x200, STEP = 0x80, POINTERS = 40 };
    uint64_t words[AFTER / 8];
    /* A semi-space is a member of the new space, whose area stands before it. */
    scan_memory(img, pages, owner - (is_new ? BEFORE : 0), owner + AFTER, ret);
    size_t got = image_read_prefix(img, owner, words, sizeof words) / 8;
    for (size_t i = 0; i < got && i < POINTERS; i++)
        if (v8_pages_is_native(pages, img, words[i]))
            scan_memory(img, pages, words[i], words[i] + STEP, ret);
}

static int by_start(const void *a, const void *b) {
    const struct v8_lab_record *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->limit < y->limit ? -1 : x->limit > y->limit;
}

static int by_top(const void *a, const void *b) {
    const struct v8_lab *x = a, *y = b;
    return x->top < y->top ? -1 : x->top > y->top;
}

/* Records that overlap tell of one area. Its limit is the greatest of all; its top the greatest
 * that a triple says and that leaves something: words that happen to read (top, limit, limit) are
 * common around a full triple. An area of which only that is known is full. Version 7.8 has no
 * triples, but {top, limit} beside the original pair: the later one is the top. Any word may look
 * like a lowered limit: it counts only within an area that is known otherwise. */
static void settle(struct v8_lab_list *l) {
    vec_sort(&l->records, by_start);
    l->list.n = 0;
    for (size_t i = 0, k; i < l->records.n; i = k) {
        uint64_t last = l->records.at[i].start, limit = l->records.at[i].limit, top = 0;
        bool full = false;
        k = i + 1;
        if (l->records.at[i].lowered)
            continue;
        for (; k < l->records.n && l->records.at[k].start < limit; k++)
            if (l->records.at[k].limit > limit && !l->records.at[k].lowered)
                limit = l->records.at[k].limit;
        for (size_t j = i; j < k; j++) {
            const struct v8_lab_record *r = &l->records.at[j];
            bool whole = !r->original && !r->lowered;
            if (whole && r->top < limit && r->top > top)
                top = r->top;
            full = full || (whole && r->top == limit);
            if (r->limit <= limit)
                last = r->start;
        }
        vec_push(&l->list, (struct v8_lab){top ? top : full ? limit : last, limit});
    }
    vec_sort(&l->list, by_top);
}

void v8_labs_find(const struct image *img, const struct v8_pages *pages,
                  const struct v8_isolate_list *isolates, struct v8_lab_list *ret) {
    enum { BEFORE = 0x1000, AFTER = 0x2800, SPAN_MAX = 0x100000 };
    for (size_t i = 0; i < isolates->list.n; i++) {
        const struct v8_isolate *iso = &isolates->list.at[i];
        if (iso->heap - iso->roots < SPAN_MAX)
            scan_memory(img, pages, iso->roots - BEFORE, iso->heap + AFTER, ret);
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

/* --- background threads --- */

struct search {
    const struct image *img;
    const struct v8_pages *pages;
    const uint64_t *stuck;
    size_t n_stuck;
    uint64_t *buf;
    struct v8_lab_list *ret;
    size_t found;
};

enum { WINDOW = 1 << 20 };

/* Is there a stuck place at the record's top, or shortly before it (taken from the area and not yet
 * written), or behind it in the area (what stood there before may look like objects for a while)?
 * Addresses of neighbouring code objects look like areas too, hence "shortly", and behind it only
 * where a whole triple says so and not in code. */
static bool holds_stuck(const struct search *s, const struct v8_lab_record *r) {
    enum { FLIGHT_MAX = 4096 };
    uint64_t low = r->top - r->start < FLIGHT_MAX ? r->start : r->top - FLIGHT_MAX;
    bool whole = !r->original && v8_pages_at(s->pages, r->start)->space != V8_CODE;
    size_t i = u64_lower_bound(s->stuck, s->n_stuck, low);
    return i < s->n_stuck && (s->stuck[i] <= r->top || (whole && s->stuck[i] < r->limit));
}

static void search_words(struct search *s, size_t n) {
    uint64_t low = s->stuck[0] - V8_PAGE_ALIGN, span = s->stuck[s->n_stuck - 1] - low;
    const uint64_t *w = s->buf;
    for (size_t i = 0; i + 2 < n; i++) {
        struct v8_lab_record rec;
        if (w[i] - low > span || !record_at(s->pages, w + i, &rec))
            continue;
        if (rec.top < rec.limit && !rec.lowered && holds_stuck(s, &rec)) {
            vec_push(&s->ret->records, rec);
            s->found++;
        }
    }
}

static void search_run(struct search *s, uint64_t from, uint64_t to) {
    for (uint64_t at = from; at + 16 < to;) {
        uint64_t len = to - at < WINDOW ? to - at : WINDOW;
        uint64_t got = image_read_prefix(s->img, at, s->buf, len);
        search_words(s, got / 8);
        at = got == len ? at + len - 16 : ((at + got) / PAGE_BYTES + 1) * PAGE_BYTES;
    }
}

/* One resident run of private writable memory, without V8's own pages. */
static void search_resident(struct search *s, uint64_t at, uint64_t end) {
    while (at < end) {
        const struct v8_page *g = v8_pages_at(s->pages, at);
        if (g) {
            at = g->addr + g->size;
            continue;
        }
        uint64_t stop = (at / V8_PAGE_ALIGN + 1) * V8_PAGE_ALIGN;
        while (stop < end && !v8_pages_at(s->pages, stop))
            stop += V8_PAGE_ALIGN;
        search_run(s, at, stop < end ? stop : end);
        at = stop;
    }
}

size_t v8_labs_search(const struct image *img, const struct v8_pages *pages, const uint64_t *stuck,
                      size_t n_stuck, struct v8_lab_list *ret) {
    const struct residency *res = image_residency(img);
    const struct region_list *regions = image_regions(img);
    if (!res || !n_stuck)
        return 0;
    struct search s = {img, pages, stuck, n_stuck, mem_alloc(WINDOW), ret, 0};
    for (size_t i = 0; i < regions->n; i++) {
        const struct region *r = &regions->at[i];
        if ((r->prot & (REGION_R | REGION_W)) != (REGION_R | REGION_W) || r->shared)
            continue;
        size_t k = residency_lower_bound(res, r->start);
        for (; k < res->n && res->at[k].start < r->end; k++)
            search_resident(&s, res->at[k].start > r->start ? res->at[k].start : r->start,
                            res->at[k].end < r->end ? res->at[k].end : r->end);
    }
    free(s.buf);
    settle(ret);
    return s.found;
}

size_t v8_labs_from(const struct v8_lab_list *l, uint64_t addr) {
    return first_where(l->list.n, i, l->list.at[i].top >= addr);
}

void v8_labs_done(struct v8_lab_list *l) {
    vec_free(&l->list);
    vec_free(&l->records);
}
