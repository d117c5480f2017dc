/* jemalloc's radix tree, arena_emap_global: a root of 2^18 pointers among the library's zero-filled
 * data, leaves of 2^18 words, one for each page of a GiB. rtree.h, 5.3.0, with 48 bits of address:
 * a leaf's word has the address of the extent's edata_t, aligned to 128 bytes, and above and below
 * it the extent's size class, its state and whether it is a slab, which edata_t says as well. A
 * word without the address was cleared. */
#include "base/limits.h"
#include "malloc/jemalloc.h"
#include "malloc/module_data.h"
#include <errno.h>
#include <string.h>

#define FANOUT (1ull << 18)
#define NODE_BYTES (FANOUT * 8) /* root and leaf alike */
#define LEAF_COVERS (FANOUT * PAGE_BYTES)
#define HUGE_PAGE (2ull << 20)
enum { LG_LEAF = 30, LG_VADDR = 48, LINE = 64, WORDS = PAGE_BYTES / 8, EDATA_BYTES = 128 };

struct tree {
    struct jemalloc *j;
    uint64_t root;
    uint64_t pages;                     /* of leaves that may still be read */
    VEC(uint64_t) meta;                 /* addresses inside its memory for metadata */
    VEC(struct jemalloc_extent) blocks; /* that memory */
};

static uint64_t bits_of(uint64_t v, unsigned from, unsigned n) {
    return v >> from & ((1ull << n) - 1);
}

/* What an edata_t says. -EBADMSG: it cannot be one. */
static int edata_read(struct jemalloc *j, uint64_t at, struct jemalloc_extent *ret) {
    enum { SLAB = 12, STATE = 17, INDEX = 20, FREE = 28 };
    uint64_t e[3];
    int r = mem_pages_read(&j->t->pages, at, e, sizeof e);
    if (r < 0)
        return r;
    struct jemalloc_extent x = {
        .start = e[1] & ~(PAGE_BYTES - 1),
        .size = e[2] & ~(PAGE_BYTES - 1),
        .addr = e[1],
        .edata = at,
        .size_index = (uint16_t)bits_of(e[0], INDEX, 8),
        .free = (uint16_t)bits_of(e[0], FREE, 10),
        .state = (uint8_t)bits_of(e[0], STATE, 3),
    };
    bool active = x.state == EXTENT_ACTIVE;
    x.is_slab = active && bits_of(e[0], SLAB, 1); /* left as it was in what is free */
    if (!x.size || x.start >= LIMIT_USER_ADDR || x.size > LIMIT_USER_ADDR - x.start ||
        x.state >= EXTENT_STATES || (x.is_slab && x.size_index >= JEMALLOC_BINS) ||
        (active && x.size_index >= JEMALLOC_SIZES))
        return -EBADMSG;
    *ret = x;
    return 0;
}

static uint64_t edata_of(uint64_t word) {
    return word & ((1ull << LG_VADDR) - 1) & ~(uint64_t)(EDATA_BYTES - 1);
}

/* The extent a leaf's word for the page at `page` tells of; both must say the same. */
static int leaf_extent(struct jemalloc *j, uint64_t word, uint64_t page,
                       struct jemalloc_extent *ret) {
    struct jemalloc_extent x;
    int r = edata_read(j, edata_of(word), &x);
    if (r < 0)
        return r;
    if (page - x.start >= x.size || bits_of(word, 2, 3) != x.state ||
        (x.state == EXTENT_ACTIVE &&
         (bits_of(word, 0, 1) != x.is_slab || word >> LG_VADDR != x.size_index)))
        return -EBADMSG;
    *ret = x;
    return 0;
}

/* ---- the root ---- */

static const struct region *anonymous_at(const struct jemalloc *j, uint64_t addr) {
    const struct region *r = region_find(image_regions(j->t->img), addr);
    return r && r->kind == REGION_ANON && !r->shared && r->prot & REGION_W ? r : NULL;
}

/* The page number, in its GiB, of the first extent a leaf tells of; and that extent. */
static bool leaf_begins(struct jemalloc *j, uint64_t leaf, struct jemalloc_extent *ret) {
    const struct residency *res = image_residency(j->t->img);
    uint64_t words[WORDS], first = leaf & ~(PAGE_BYTES - 1);
    enum { PAGES_MAX = 64 };
    int looked = 0;
    for (uint64_t at = first; at < leaf + NODE_BYTES && looked < PAGES_MAX; at += PAGE_BYTES) {
        if (!page_is_readable(res, at, NULL) ||
            mem_pages_read(&j->t->pages, at, words, sizeof words) < 0)
            continue;
        looked++;
        for (uint64_t i = at < leaf ? (leaf - at) / 8 : 0; i < WORDS; i++) {
            uint64_t number = (at + i * 8 - leaf) / 8;
            struct jemalloc_extent x;
            if (!edata_of(words[i]) || number >= FANOUT)
                continue;
            if (edata_read(j, edata_of(words[i]), &x) < 0)
                return false;
            uint64_t page = (x.start & ~(LEAF_COVERS - 1)) + number * PAGE_BYTES;
            if (leaf_extent(j, words[i], page, &x) < 0)
                return false;
            *ret = x;
            return true;
        }
    }
    return false;
}

/* A word of the data is of the root if it leads to a leaf whose first extent lies where the word's
 * place in a root would have it. */
static bool is_of_root(void *arg, const struct module_data *d, uint64_t at, uint64_t leaf) {
    struct tree *t = arg;
    struct jemalloc_extent x;
    if (leaf % LINE || leaf >= LIMIT_USER_ADDR || !anonymous_at(t->j, leaf) ||
        !anonymous_at(t->j, leaf + NODE_BYTES - 1) || !leaf_begins(t->j, leaf, &x))
        return false;
    uint64_t before = (x.start >> LG_LEAF) * 8;
    if (before > at - d->start || at - before + NODE_BYTES > d->end)
        return false;
    t->root = at - before;
    return true;
}

/* ---- extents ---- */

static void add_extent(struct tree *t, const struct jemalloc_extent *x) {
    if (t->j->extents.n >= LIMIT_EXTENTS) {
        t->j->t->c->coverage.truncated = true;
        return;
    }
    vec_push(&t->j->extents, *x);
}

/* Where the last extent ends: up to there nothing is new. */
static uint64_t told(const struct tree *t) {
    size_t n = t->j->extents.n;
    return n ? t->j->extents.at[n - 1].start + t->j->extents.at[n - 1].size : 0;
}

static void read_leaf_page(struct tree *t, uint64_t leaf, uint64_t at, uint64_t covers) {
    uint64_t words[WORDS];
    if (mem_pages_read(&t->j->t->pages, at, words, sizeof words) < 0)
        return;
    for (uint64_t i = at < leaf ? (leaf - at) / 8 : 0; i < WORDS; i++) {
        uint64_t number = (at + i * 8 - leaf) / 8, page = covers + number * PAGE_BYTES;
        struct jemalloc_extent x;
        if (!edata_of(words[i]) || number >= FANOUT || page < told(t))
            continue;
        int r = leaf_extent(t->j, words[i], page, &x);
        if (r == 0 && x.start == page)
            add_extent(t, &x);
        else if (r == -ENODATA)
            t->j->t->c->coverage.not_resident++;
        else
            tally_broken(t->j->t, at + i * 8);
    }
}

static void read_leaf(struct tree *t, uint64_t leaf, uint64_t covers) {
    const struct residency *res = image_residency(t->j->t->img);
    for (uint64_t at = leaf & ~(PAGE_BYTES - 1); at < leaf + NODE_BYTES; at += PAGE_BYTES) {
        if (!page_is_readable(res, at, NULL))
            continue;
        if (!t->pages--) {
            t->pages = 0;
            t->j->t->c->coverage.truncated = true;
            return;
        }
        read_leaf_page(t, leaf, at, covers);
    }
}

static void read_root(struct tree *t) {
    const struct residency *res = image_residency(t->j->t->img);
    for (uint64_t i = 0; i < FANOUT; i++) {
        uint64_t leaf, at = t->root + i * 8, page = at & ~(PAGE_BYTES - 1);
        if (!page_is_readable(res, page, NULL)) {
            i += (page + PAGE_BYTES - at) / 8 - 1;
            continue;
        }
        if (mem_pages_u64(&t->j->t->pages, at, &leaf) < 0 || !leaf)
            continue;
        if (leaf % LINE || !anonymous_at(t->j, leaf)) {
            tally_broken(t->j->t, at);
            continue;
        }
        vec_push(&t->meta, leaf);
        read_leaf(t, leaf, i << LG_LEAF);
    }
}

/* ---- memory for metadata ---- */

static bool is_known_block(const struct tree *t, uint64_t addr) {
    for (size_t i = 0; i < t->blocks.n; i++)
        if (addr - t->blocks.at[i].start < t->blocks.at[i].size)
            return true;
    return false;
}

/* base.h, base_block_t: its size, the next one, and an edata_t that has its unused end. */
static bool add_block(struct tree *t, uint64_t at, uint64_t *ret_next) {
    uint64_t w[6];
    if (at % HUGE_PAGE || mem_pages_read(&t->j->t->pages, at, w, sizeof w) < 0)
        return false;
    uint64_t size = w[0], free = w[3], free_bytes = w[4];
    if (!size || size % HUGE_PAGE || size > LIMIT_USER_ADDR - at || free < at + sizeof w ||
        free > at + size || free_bytes != at + size - free || t->blocks.n >= LIMIT_HEAPS)
        return false;
    vec_push(&t->blocks, (struct jemalloc_extent){.start = at, .size = size});
    *ret_next = w[1];
    return true;
}

/* The block that holds an address begins at a multiple of 2 MiB below; the others hang at it. */
static void find_block(struct tree *t, uint64_t addr) {
    enum { STEPS = 64 };
    uint64_t next = 0, at = addr & ~(HUGE_PAGE - 1);
    for (int i = 0; i < STEPS && at; i++, at -= HUGE_PAGE)
        if (anonymous_at(t->j, at) && add_block(t, at, &next))
            break;
    while (next && !is_known_block(t, next) && add_block(t, next, &next)) {
    }
}

static int by_start(const void *a, const void *b) {
    const struct jemalloc_extent *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void find_blocks(struct tree *t) {
    for (size_t i = 0; i < t->meta.n; i++)
        if (!is_known_block(t, t->meta.at[i]))
            find_block(t, t->meta.at[i]);
    for (size_t i = 0; i < t->j->extents.n; i++)
        if (!is_known_block(t, t->j->extents.at[i].edata))
            find_block(t, t->j->extents.at[i].edata);
    for (size_t i = 0; i < t->blocks.n; i++)
        vec_push(&t->j->extents, t->blocks.at[i]);
    vec_sort(&t->j->extents, by_start);
}

int jemalloc_find_extents(struct jemalloc *j) {
    const struct residency *res = image_residency(j->t->img);
    struct tree t = {.j = j, .pages = res ? res->total_bytes / PAGE_BYTES + 1 : UINT32_MAX};
    if (!module_data_search(j->t, NODE_BYTES, is_of_root, &t))
        return -ENODATA;
    read_root(&t);
    find_blocks(&t);
    vec_free(&t.meta);
    vec_free(&t.blocks);
    return j->extents.n ? 0 : -ENODATA;
}
