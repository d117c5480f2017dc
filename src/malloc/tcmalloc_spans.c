/* tcmalloc's map from pages to spans: a root of 2^17 pointers among the library's zero-filled data,
 * leaves of 2^18, one for each page of 8 KiB (pagemap.h, TCMalloc_PageMap2; page_heap.h,
 * MapSelector<48>; gperftools 2.10). Each span stands there by its first and last page at
 * least, and says where it begins (span.h). */
#include "base/limits.h"
#include "base/search.h"
#include "malloc/module_data.h"
#include "malloc/tcmalloc.h"
#include <errno.h>

#define LEAF_WORDS (1ull << 18)
#define LEAF_BYTES (LEAF_WORDS * 8)
#define ROOT_BYTES ((1ull << 17) * 8)
enum { LG_PAGE_BYTES = 13, LG_LEAF = 18 + LG_PAGE_BYTES, WORDS = PAGE_BYTES / 8, LINE = 64 };

/* span.h: start, length (pages), next, prev, objects; then in bits refcount 16, sizeclass 8,
 * location 2, sample 1. */
static int span_read(struct tcmalloc *m, uint64_t at, struct tcmalloc_span *ret) {
    enum { START, LENGTH, OBJECTS = 4, BITS, SPAN_WORDS };
    const uint64_t pages = LIMIT_USER_ADDR >> LG_PAGE_BYTES;
    uint64_t w[SPAN_WORDS];
    if (at % 8 || mem_pages_read(&m->t->pages, at, w, sizeof w) < 0)
        return -EFAULT;
    struct tcmalloc_span s = {.start = w[START] << LG_PAGE_BYTES,
                              .record = at,
                              .objects = w[OBJECTS],
                              .used = (uint16_t)w[BITS],
                              .size_class = (uint8_t)(w[BITS] >> 16),
                              .location = (uint8_t)(w[BITS] >> 24 & 3)};
    if (!w[START] || w[START] >= pages || !w[LENGTH] || w[LENGTH] > pages - w[START] ||
        s.size_class >= TCMALLOC_CLASSES || s.location > SPAN_RETURNED)
        return -EBADMSG;
    s.end = s.start + (w[LENGTH] << LG_PAGE_BYTES);
    *ret = s;
    return 0;
}

/* ---- the root ---- */

static bool is_memory(const struct tcmalloc *m, uint64_t addr) {
    const struct region *r = region_find(image_regions(m->t->img), addr);
    return r && (r->kind == REGION_ANON || r->kind == REGION_HEAP) && !r->shared;
}

/* The first span a leaf tells of, and its place there. */
static bool leaf_begins(struct tcmalloc *m, uint64_t leaf, struct tcmalloc_span *ret,
                        uint64_t *ret_number) {
    const struct residency *res = image_residency(m->t->img);
    uint64_t words[WORDS];
    for (uint64_t at = leaf & ~(PAGE_BYTES - 1); at < leaf + LEAF_BYTES; at += PAGE_BYTES) {
        if (!page_is_readable(res, at, NULL) ||
            mem_pages_read(&m->t->pages, at, words, sizeof words) < 0)
            continue;
        for (uint64_t i = at < leaf ? (leaf - at) / 8 : 0; i < WORDS; i++) {
            *ret_number = (at + i * 8 - leaf) / 8;
            if (words[i] && *ret_number < LEAF_WORDS)
                return span_read(m, words[i], ret) == 0;
        }
    }
    return false;
}

static bool is_leaf(const struct tcmalloc *m, uint64_t addr) {
    return addr % LINE == 0 && addr < LIMIT_USER_ADDR && is_memory(m, addr) &&
           is_memory(m, addr + LEAF_BYTES - 1);
}

/* Other pointers of the library may lead to what begins like a leaf; they do not stand among leaves
 * and nothing else. */
static bool is_root(struct tcmalloc *m, uint64_t root) {
    size_t leaves = 0, others = 0;
    for (uint64_t i = 0; i < ROOT_BYTES / 8; i++) {
        uint64_t word;
        if (mem_pages_u64(&m->t->pages, root + i * 8, &word) < 0 || !word)
            continue;
        leaves += is_leaf(m, word);
        others += !is_leaf(m, word);
    }
    return others < leaves;
}

static bool is_of_root(void *arg, const struct module_data *d, uint64_t at, uint64_t leaf) {
    struct tcmalloc *m = arg;
    struct tcmalloc_span s;
    uint64_t number, before;
    if (!is_leaf(m, leaf) || !leaf_begins(m, leaf, &s, &number) ||
        (s.start >> LG_PAGE_BYTES) % LEAF_WORDS != number)
        return false;
    before = (s.start >> LG_LEAF) * 8;
    if (before > at - d->start || at - before + ROOT_BYTES > d->end || !is_root(m, at - before))
        return false;
    m->root = at - before;
    return true;
}

/* ---- spans ---- */

static uint64_t told(const struct tcmalloc *m) {
    return m->spans.n ? m->spans.at[m->spans.n - 1].end : 0;
}

static void read_leaf_page(struct tcmalloc *m, uint64_t leaf, uint64_t at, uint64_t covers) {
    uint64_t words[WORDS];
    if (mem_pages_read(&m->t->pages, at, words, sizeof words) < 0)
        return;
    for (uint64_t i = at < leaf ? (leaf - at) / 8 : 0; i < WORDS; i++) {
        uint64_t number = (at + i * 8 - leaf) / 8, page = covers + (number << LG_PAGE_BYTES);
        struct tcmalloc_span s;
        if (!words[i] || number >= LEAF_WORDS || page < told(m))
            continue;
        int r = span_read(m, words[i], &s);
        /* What a merged span's neighbour left in the map is not taken back. */
        if (r == 0 && (s.start > page || s.end <= page))
            continue;
        if (r == 0 && s.start == page && m->spans.n < LIMIT_EXTENTS)
            vec_push(&m->spans, s);
        else
            tally_broken(m->t, at + i * 8);
    }
}

static void read_leaf(struct tcmalloc *m, uint64_t leaf, uint64_t covers) {
    const struct residency *res = image_residency(m->t->img);
    for (uint64_t at = leaf & ~(PAGE_BYTES - 1); at < leaf + LEAF_BYTES; at += PAGE_BYTES) {
        if (!page_is_readable(res, at, NULL))
            continue;
        if (!m->meta_pages) {
            m->t->c->coverage.truncated = true;
            return;
        }
        m->meta_pages--;
        read_leaf_page(m, leaf, at, covers);
    }
}

bool tcmalloc_find_spans(struct tcmalloc *m) {
    const struct residency *res = image_residency(m->t->img);
    if (!module_data_search(m->t, ROOT_BYTES, is_of_root, m))
        return false;
    m->meta_pages = res ? res->total_bytes / PAGE_BYTES + 1 : UINT32_MAX;
    for (uint64_t i = 0; i < ROOT_BYTES / 8; i++) {
        uint64_t leaf;
        if (mem_pages_u64(&m->t->pages, m->root + i * 8, &leaf) < 0 || !leaf)
            continue;
        if (leaf % 8 || !is_memory(m, leaf))
            tally_broken(m->t, m->root + i * 8);
        else
            read_leaf(m, leaf, i << LG_LEAF);
    }
    return m->spans.n > 0;
}

const struct tcmalloc_span *tcmalloc_span_at(const struct tcmalloc *m, uint64_t addr) {
    size_t i = first_where(m->spans.n, k, m->spans.at[k].end > addr);
    return i < m->spans.n && m->spans.at[i].start <= addr ? &m->spans.at[i] : NULL;
}
