#include "collect/string_contents.h"

#include "base/bits.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/parallel.h"
#include "v8/nodes.h"
#include "v8/strings.h"
#include <sys/random.h>

enum { WINDOW = 1 << 16, BUCKETS = 256 };

struct content {
    uint64_t hash;
    uint32_t node, length;
};

struct contents {
    VEC(struct content) list;
};

struct reading {
    const struct v8_view *view;
    const uint64_t *strings, *wide;
    uint64_t seed;
    struct contents *page; /* what was found on each */
    struct content *all;   /* the same by the highest byte of the hash */
    size_t bucket[BUCKETS + 1];
};

/* A part of the target's memory at hand; strings follow one another. */
struct window {
    const struct image *img;
    uint64_t at, end; /* end: of the page */
    size_t n;
    uint8_t bytes[WINDOW];
};

static void move_to(struct window *w, uint64_t addr) {
    uint64_t n = addr < w->end ? w->end - addr : 0;
    if (n > WINDOW)
        n = WINDOW;
    w->at = addr;
    w->n = (size_t)n;
    if (!n || image_read(w->img, addr, w->bytes, w->n) == 0)
        return;
    uint64_t here = PAGE_BYTES - addr % PAGE_BYTES; /* what follows may not be readable */
    w->n = (size_t)(here < n ? here : n);
    if (image_read(w->img, addr, w->bytes, w->n) < 0)
        w->n = 0;
}

/* The bytes at `addr`, and how many there are in one piece, at least `need`; 0: cannot be read. */
static size_t look_through(struct window *w, uint64_t addr, size_t need, const uint8_t **ret) {
    if (addr < w->at || addr + need > w->at + w->n)
        move_to(w, addr);
    if (w->n < need)
        return 0;
    *ret = w->bytes + (addr - w->at);
    return w->n - (size_t)(addr - w->at);
}

/* Windows begin at a multiple of eight, as strings do; all pieces but the last are whole words. */
static bool hash_string(struct window *w, uint64_t addr, uint64_t seed, unsigned width,
                        uint64_t size, struct content *ret) {
    const uint8_t *p;
    if (!look_through(w, addr, V8_STRING_HEADER, &p))
        return false;
    uint32_t length = u32_at(p, V8_STRING_LENGTH);
    uint64_t left = (uint64_t)length * width, hash = seed ^ left << 1 ^ (width - 1);
    if (left + V8_STRING_HEADER > size)
        return false;
    for (uint64_t at = addr + V8_STRING_HEADER; left;) {
        size_t n = look_through(w, at, 1, &p);
        if (n > left)
            n = (size_t)left;
        if (!n)
            return false;
        hash = hash_add(hash, p, n);
        left -= n;
        at += n;
    }
    ret->hash = hash;
    ret->length = length;
    return true;
}

static void read_page(void *arg, size_t i) {
    struct reading *r = arg;
    const struct v8_page *page = &r->view->heap->pages.list.at[i];
    struct window *w = NULL;
    uint32_t first, end;
    v8_nodes_of_page(r->view->nodes, i, &first, &end);
    for (uint32_t node = first; node < end; node++) {
        struct content c = {.node = node};
        if (!bits_get(r->strings, node))
            continue;
        if (!w) {
            w = mem_alloc(sizeof *w);
            w->img = r->view->img;
            w->at = w->n = 0;
            w->end = page->addr + page->size;
        }
        if (hash_string(w, v8_node_addr(r->view->nodes, node), r->seed,
                        bits_get(r->wide, node) ? 2 : 1, v8_node_bytes(r->view->nodes, node), &c))
            vec_push(&r->page[i].list, c);
    }
    free(w);
}

static void fill_buckets(struct reading *r, size_t pages) {
    size_t next[BUCKETS], n = 0;
    for (size_t i = 0; i < pages; i++)
        for (size_t k = 0; k < r->page[i].list.n; k++, n++)
            r->bucket[(r->page[i].list.at[k].hash >> 56) + 1]++;
    for (size_t b = 0; b < BUCKETS; b++) {
        next[b] = r->bucket[b];
        r->bucket[b + 1] += r->bucket[b];
    }
    r->all = mem_grow(NULL, n + 1, sizeof *r->all);
    for (size_t i = 0; i < pages; i++) {
        for (size_t k = 0; k < r->page[i].list.n; k++)
            r->all[next[r->page[i].list.at[k].hash >> 56]++] = r->page[i].list.at[k];
        vec_free(&r->page[i].list);
    }
}

static int by_content(const void *a, const void *b) {
    const struct content *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void sort_bucket(void *arg, size_t b) {
    struct reading *r = arg;
    if (r->bucket[b + 1] > r->bucket[b])
        qsort(r->all + r->bucket[b], r->bucket[b + 1] - r->bucket[b], sizeof *r->all, by_content);
}

static int most_wasted_first(const void *a, const void *b) {
    const struct string_copies *x = a, *y = b;
    if (x->wasted != y->wasted)
        return x->wasted > y->wasted ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void count_copies(const struct reading *r, uint64_t most, struct string_copies_list *ret) {
    size_t n = r->bucket[BUCKETS];
    for (size_t i = 0, k; i < n; i = k) {
        const struct content *one = &r->all[i];
        struct string_copies c = {.node = one->node};
        for (k = i; k < n && r->all[k].hash == one->hash && r->all[k].length == one->length; k++) {
            c.count++;
            c.bytes += v8_node_bytes(r->view->nodes, r->all[k].node);
        }
        if (c.count < 2)
            continue;
        c.wasted = c.bytes - v8_node_bytes(r->view->nodes, one->node);
        ret->contents++;
        ret->wasted += c.wasted;
        if (most && ret->list.n >= 4 * most) {
            vec_sort(&ret->list, most_wasted_first);
            ret->list.n = (size_t)most;
        }
        vec_push(&ret->list, c);
    }
    vec_sort(&ret->list, most_wasted_first);
    if (most && ret->list.n > most)
        ret->list.n = (size_t)most;
}

void string_copies_find(struct heap_look *look, const uint64_t *strings, uint64_t most,
                        struct string_copies_list *ret) {
    size_t pages = look->view->heap->pages.list.n;
    uint32_t n = v8_nodes_count(look->view->nodes);
    uint64_t *sequential = bits_new(n), *wide = bits_new(n);
    struct reading r = {.view = look->view, .strings = sequential, .wide = wide};
    for (uint32_t node = 0; node < n; node++) {
        if (!bits_get(strings, node))
            continue;
        int type = heap_look_instance_type(look, node);
        if (v8_string_form(look->view->l, type) != STRING_SEQUENTIAL)
            continue;
        bits_set(sequential, node);
        if (v8_string_width(look->view->l, type) == 2)
            bits_set(wide, node);
    }
    if (getrandom(&r.seed, sizeof r.seed, 0) != sizeof r.seed)
        r.seed = (uint64_t)(uintptr_t)&r; /* where our stack is nobody knows either */
    r.page = mem_zalloc((pages + 1) * sizeof *r.page);
    parallel_for(pages, read_page, &r);
    fill_buckets(&r, pages);
    parallel_for(BUCKETS, sort_bucket, &r);
    *ret = (struct string_copies_list){0};
    count_copies(&r, most, ret);
    free(r.all);
    free(r.page);
    free(sequential);
    free(wide);
}
