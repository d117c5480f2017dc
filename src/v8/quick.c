#include "v8/quick.h"

#include "base/limits.h"
#include "base/vec.h"
#include "v8/layout.h"
#include "v8/pages.h"
#include <errno.h>
#include <string.h>

enum {
    HEADER_WORDS = 36,
    SPACE_WORDS = 48,    /* of a space object */
    COMMITTED_WORD = 3,  /* of a space object: BaseSpace::committed_, all versions */
    HEAP_WORDS = 0x2000, /* of a Heap; its spaces are in the first few hundred */
    SLOTS_PER_REGION = 16,
    PROBES_MAX = 4096,
    SPACES_MAX = 1024,
    SEMISPACE_PAGES_MAX = 4096,
};

/* --- what is known of a binary --- */

struct binary {
    uint32_t dev_major, dev_minor;
    uint64_t inode;
    bool has_v8; /* and its layout is known */
    struct v8_facts facts;
    struct v8_vtable vtables[24]; /* without bias */
    size_t n_vtables;
};

struct v8_quick_cache {
    VEC(struct binary) binaries;
};

struct v8_quick_cache *v8_quick_cache_new(void) {
    return mem_zalloc(sizeof(struct v8_quick_cache));
}

void v8_quick_cache_free(struct v8_quick_cache *c) {
    if (!c)
        return;
    vec_free(&c->binaries);
    free(c);
}

static const struct binary *find_binary(const struct v8_quick_cache *c, const struct region *r) {
    for (size_t i = 0; i < c->binaries.n; i++) {
        const struct binary *b = &c->binaries.at[i];
        if (b->inode == r->inode && b->dev_major == r->dev_major && b->dev_minor == r->dev_minor)
            return b;
    }
    return NULL;
}

static const struct binary *learn_binary(struct v8_quick_cache *c, struct image *img,
                                         const struct region *r, uint64_t bias, bool *ret_known) {
    struct binary b = {.dev_major = r->dev_major, .dev_minor = r->dev_minor, .inode = r->inode};
    struct v8_layout *l = NULL;
    int rc = v8_layout_open(img, &l, NULL);
    *ret_known = rc == 0 || rc == -ENODATA; /* else another process of it may tell more */
    if (rc == 0) {
        b.has_v8 = true;
        b.facts = l->facts;
        b.n_vtables = l->n_vtables;
        for (size_t i = 0; i < l->n_vtables; i++)
            b.vtables[i] = (struct v8_vtable){l->vtables[i].addr - bias, l->vtables[i].space};
    }
    v8_layout_free(l);
    if (*ret_known)
        vec_push(&c->binaries, b);
    return *ret_known ? &c->binaries.at[c->binaries.n - 1] : NULL;
}

/* The binary that may hold V8: the executable or, in distributions' builds, libnode. */
static int open_binary(struct v8_quick_cache *c, struct image *img, const struct binary **ret,
                       uint64_t *ret_bias) {
    size_t n;
    const struct image_module *m = image_modules(img, &n);
    for (size_t i = 0; i < n; i++) {
        bool known = true;
        const struct region *r = region_find(image_regions(img), m[i].start);
        if ((!m[i].is_exe && !strstr(m[i].path, "/libnode")) || !r || !r->inode)
            continue;
        const struct binary *b = find_binary(c, r);
        if (!b)
            b = learn_binary(c, img, r, m[i].bias, &known);
        if (!known)
            return -ENOTSUP;
        if (b->has_v8) {
            *ret = b;
            *ret_bias = m[i].bias;
            return 0;
        }
    }
    return -ENODATA;
}

/* --- one process --- */

struct look {
    const struct image *img;
    const struct binary *b;
    uint64_t bias;
    VEC(uint64_t) heaps;
    VEC(uint64_t) spaces; /* addresses seen, whether they are spaces or not */
    struct v8_quick out;
};

static bool is_writable(const struct look *k, uint64_t addr) {
    if ((addr & 7) || addr < PAGE_BYTES || addr >= LIMIT_USER_ADDR)
        return false;
    const struct region *r = region_find(image_regions(k->img), addr);
    return r && (r->prot & REGION_W);
}

/* The words of the page header at `addr`, wherever they are; false if there is none. */
static bool read_header(const struct look *k, uint64_t addr, uint64_t words[HEADER_WORDS]) {
    const struct v8_facts *f = &k->b->facts;
    uint64_t base = addr;
    if (f->page_metadata_word >= 0 &&
        (image_read_u64(k->img, addr + 8 * (uint64_t)f->page_metadata_word, &base) < 0 ||
         !is_writable(k, base)))
        return false;
    if (image_read(k->img, base, words, HEADER_WORDS * 8) < 0)
        return false;
    uint64_t start = words[f->page_area_start_word], end = words[f->page_area_end_word];
    return start > addr && start - addr < 0x8000 && end >= start && !(start & 7) &&
           is_writable(k, words[f->page_heap_word]);
}

static void add_distinct(uint64_t *at, size_t *n, size_t max, uint64_t v) {
    for (size_t i = 0; i < *n; i++)
        if (at[i] == v)
            return;
    if (*n < max)
        at[(*n)++] = v;
}

/* Pages tell heaps and spaces. V8 maps them at multiples of 256 KiB; neighbours share a mapping, of
 * which the first few are enough: spaces that are missed are found through the heap. */
static void look_at_pages(struct look *k) {
    const struct region_list *l = image_regions(k->img);
    uint64_t words[HEADER_WORDS];
    size_t probes = 0;
    vec_reserve(&k->heaps, SPACES_MAX);
    vec_reserve(&k->spaces, SPACES_MAX);
    for (size_t i = 0; i < l->n && probes < PROBES_MAX; i++) {
        const struct region *r = &l->at[i];
        if (r->kind != REGION_ANON || r->prot != (REGION_R | REGION_W) || r->shared)
            continue;
        uint64_t at = (r->start + V8_PAGE_ALIGN - 1) & ~(V8_PAGE_ALIGN - 1);
        if (at != r->start) /* pages begin mappings; thread stacks and others seldom do */
            continue;
        for (int slot = 0; slot < SLOTS_PER_REGION && at < r->end; slot++, at += V8_PAGE_ALIGN) {
            probes++;
            if (!read_header(k, at, words))
                break;
            add_distinct(k->heaps.at, &k->heaps.n, SPACES_MAX, words[k->b->facts.page_heap_word]);
            add_distinct(k->spaces.at, &k->spaces.n, SPACES_MAX,
                         words[k->b->facts.page_owner_word]);
        }
    }
}

static int space_of(const struct look *k, uint64_t vtable) {
    for (size_t i = 0; i < k->b->n_vtables; i++)
        if (k->b->vtables[i].addr + k->bias == vtable)
            return (int)k->b->vtables[i].space;
    return -1;
}

/* Heap::space_[] points to the spaces, empty ones and those of code included. */
static void look_at_heap(struct look *k, uint64_t heap) {
    cleanup_free uint64_t *words = mem_alloc(HEAP_WORDS * 8);
    size_t n = image_read_prefix(k->img, heap, words, HEAP_WORDS * 8) / 8;
    for (size_t i = 0; i < n; i++) {
        uint64_t head[2];
        if (is_writable(k, words[i]) && image_read(k->img, words[i], head, sizeof head) == 0 &&
            head[1] == heap && space_of(k, head[0]) >= 0)
            add_distinct(k->spaces.at, &k->spaces.n, SPACES_MAX, words[i]);
    }
}

/* The header of a page of this space that a word leads to. */
static bool page_of(const struct look *k, uint64_t space, uint64_t at,
                    uint64_t head[HEADER_WORDS]) {
    return is_writable(k, at) && image_read(k->img, at, head, HEADER_WORDS * 8) == 0 &&
           head[k->b->facts.page_owner_word] == space;
}

/* How much of a semi-space is filled: its pages before the current one, and half of that. Three
 * words lead to pages: the list's first and last, side by side, and the current page. */
static uint64_t filled_bytes(const struct look *k, uint64_t space, const uint64_t *words,
                             size_t n) {
    const struct v8_facts *f = &k->b->facts;
    uint64_t head[HEADER_WORDS], flags, pages = 0;
    for (size_t i = COMMITTED_WORD + 1; i < n && !pages; i++) {
        if (!page_of(k, space, words[i], head))
            continue;
        if (!head[f->page_next_word + 1] && i + 1 < n &&
            page_of(k, space, words[i + 1], head)) { /* first and last */
            i++;
            continue;
        }
        if (image_read_u64(k->img,
                           (head[f->page_area_start_word] & ~(V8_PAGE_ALIGN - 1)) +
                               8 * (uint64_t)f->page_flags_word,
                           &flags) < 0 ||
            (flags & V8_PAGE_FROM))
            return 0;
        for (pages = 1; pages < SEMISPACE_PAGES_MAX; pages++)
            if (!page_of(k, space, head[f->page_next_word + 1], head))
                break;
    }
    return pages ? pages * V8_PAGE_ALIGN - V8_PAGE_ALIGN / 2 : 0;
}

static void add_space(struct look *k, uint64_t space) {
    const struct v8_facts *f = &k->b->facts;
    uint64_t words[SPACE_WORDS];
    size_t n = image_read_prefix(k->img, space, words, sizeof words) / 8;
    int kind = n > 3 ? space_of(k, words[0]) : -1;
    if (kind < 0 || (kind == V8_READ_ONLY && f->ownerless_read_only))
        return;
    uint64_t committed = words[COMMITTED_WORD], used = committed;
    bool paged = kind == V8_OLD || kind == V8_CODE || kind == V8_MAP || kind == V8_TRUSTED ||
                 kind == V8_SHARED || kind == V8_SHARED_TRUSTED;
    if (kind == V8_NEW)
        used = filled_bytes(k, space, words, n);
    else if (paged && f->space_size_word >= 0 && (size_t)f->space_size_word < n)
        used = words[f->space_size_word];
    k->out.heap_total_bytes += committed;
    k->out.heap_used_bytes += used < committed ? used : committed;
}

int v8_quick_heap(struct v8_quick_cache *c, struct image *img, struct v8_quick *ret) {
    struct look k = {.img = img};
    int rc = open_binary(c, img, &k.b, &k.bias);
    if (rc < 0)
        return rc;
    look_at_pages(&k);
    for (size_t i = 0; i < k.heaps.n; i++)
        look_at_heap(&k, k.heaps.at[i]);
    for (size_t i = 0; i < k.spaces.n; i++)
        add_space(&k, k.spaces.at[i]);
    k.out.isolates = (uint32_t)k.heaps.n;
    vec_free(&k.heaps);
    vec_free(&k.spaces);
    if (!k.out.heap_total_bytes)
        return -ENODATA;
    *ret = k.out;
    return 0;
}
