#include "v8/pages.h"
#include "v8/v8.h"

#include "base/limits.h"
#include <errno.h>
#include <string.h>

/* Enough words for every fact of facts.c that indexes a page header or its metadata. */
enum { HEADER_WORDS = 44, BATCH = 256 };

/* A page header must lie within this of the page: the mark bitmap is in it up to version 12. */
#define AREA_START_MAX 0x8000ull
#define PAGE_SIZE_MAX (1ull << 36)

struct probe {
    uint64_t addr; /* of the page */
    uint64_t base; /* of the words: the page, or its metadata */
    uint64_t words[HEADER_WORDS];
    uint64_t flags; /* in the page even where the other words are outside */
    bool read;
};

static bool is_mapped(const struct region_list *regions, uint64_t addr) {
    const struct region *r = region_find(regions, addr);
    return r && (r->prot & REGION_R);
}

/* V8 maps a chunk in one piece; what it protects or gives back of it stays mapped. */
static bool is_one_piece(const struct region_list *l, uint64_t start, uint64_t end) {
    for (size_t i = region_lower_bound(l, start); start < end; i++) {
        if (i >= l->n || l->at[i].start > start || l->at[i].kind != REGION_ANON)
            return false;
        start = l->at[i].end;
    }
    return true;
}

static uint64_t word(const struct probe *p, int index) {
    return p->words[index];
}

/* The page a probe's words describe; false if they describe none. What a compressor had left in a
 * malloc arena once looked like the header of a page of 16 GiB. */
static bool parse(const struct v8_layout *l, const struct region_list *regions,
                  const struct probe *p, struct v8_page *ret) {
    const struct v8_facts *f = &l->facts;
    if (f->page_self_word >= 0 &&
        word(p, f->page_self_word) != p->addr + (uint64_t)f->page_self_tag)
        return false;
    struct v8_page g = {
        .addr = p->addr,
        .base = p->base,
        .size = word(p, f->page_size_word),
        .heap = word(p, f->page_heap_word),
        .area_start = word(p, f->page_area_start_word),
        .area_end = word(p, f->page_area_end_word),
        .owner = word(p, f->page_owner_word),
        .allocated = word(p, f->page_allocated_word),
        .flags = f->page_metadata_word < 0 ? word(p, f->page_flags_word) : p->flags,
        .next = word(p, f->page_next_word),
        .prev = word(p, f->page_next_word + 1),
        .space = -1,
        .isolate = -1,
    };
    if (g.area_start <= g.addr || g.area_start - g.addr >= AREA_START_MAX || g.size < PAGE_BYTES ||
        g.size > PAGE_SIZE_MAX || g.size % PAGE_BYTES || g.area_end < g.area_start ||
        g.area_end > g.addr + g.size || (g.area_start & 7) ||
        !is_one_piece(regions, g.addr, g.addr + g.size))
        return false;
    if (g.heap && ((g.heap & 7) || !is_mapped(regions, g.heap)))
        return false;
    if (f->page_metadata_word < 0 && g.flags >> 32)
        return false;
    if (f->ownerless_read_only && !g.heap)
        g.owner = 0;
    *ret = g;
    return true;
}

/* Read `n_words` at each probe's base; a probe that cannot be read keeps read == false. */
static void read_probes(const struct image *img, struct probe *probes, size_t n, size_t n_words) {
    struct image_part parts[BATCH] = {0};
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct image_part){probes[i].base, probes[i].words, n_words * 8};
    bool all = image_read_parts(img, parts, n) == 0;
    for (size_t i = 0; i < n; i++)
        probes[i].read = all || image_read(img, probes[i].base, probes[i].words, n_words * 8) == 0;
}

static bool in_memory(const struct image *img, uint64_t addr) {
    const struct residency *res = image_residency(img);
    return (!res || residency_bytes(res, addr, addr + 8) == 8) && image_has(img, addr, 8) == 8;
}

/* The first place for a page from `at` on that is in memory; `end` if there is none. What is not is
 * passed in one step: a damaged core claims any amount of it. */
static uint64_t next_place(const struct image *img, uint64_t at, uint64_t end) {
    const struct residency *res = image_residency(img);
    while (res && at < end) {
        size_t i = residency_lower_bound(res, at);
        if (i == res->n)
            return end;
        if (res->at[i].start <= at)
            break;
        at = (res->at[i].start + V8_PAGE_ALIGN - 1) & ~(V8_PAGE_ALIGN - 1);
    }
    return at < end ? at : end;
}

struct finder {
    const struct image *img;
    const struct v8_layout *l;
    struct v8_pages *ret;
    struct probe probes[BATCH];
    size_t n;
    uint64_t slots;   /* 256 KiB units taken so far */
    uint64_t skip_to; /* the end of the last page found: nothing inside a page is a page */
};

static void add_page(struct finder *f, const struct v8_page *g) {
    uint64_t slots = g->size / V8_PAGE_ALIGN + 1;
    if (g->addr < f->skip_to || slots > LIMIT_V8_SLOTS - f->slots)
        return;
    f->slots += slots;
    f->skip_to = g->addr + g->size;
    vec_push(&f->ret->list, *g);
    size_t index = f->ret->list.n;
    for (uint64_t at = g->addr; at < g->addr + g->size; at += V8_PAGE_ALIGN)
        map64_put(&f->ret->by_slot, at / V8_PAGE_ALIGN, index);
    map64_put(&f->ret->by_base, g->base, index);
}

/* Metadata outside the page: the second word of the page leads to it. */
static void follow_metadata(struct finder *f) {
    const struct region_list *regions = image_regions(f->img);
    int w = f->l->facts.page_metadata_word, flags = f->l->facts.page_flags_word;
    size_t kept = 0;
    read_probes(f->img, f->probes, f->n, (size_t)w + 1);
    for (size_t i = 0; i < f->n; i++) {
        struct probe *p = &f->probes[i];
        uint64_t meta = p->words[w];
        if (!p->read || (meta & 7) || meta < PAGE_BYTES || meta >= LIMIT_USER_ADDR ||
            !is_mapped(regions, meta))
            continue;
        p->flags = flags <= w ? p->words[flags] : 0;
        f->probes[kept] = *p;
        f->probes[kept++].base = meta;
    }
    f->n = kept;
}

static void flush(struct finder *f) {
    if (f->l->facts.page_metadata_word >= 0)
        follow_metadata(f);
    if (f->n)
        read_probes(f->img, f->probes, f->n, HEADER_WORDS);
    for (size_t i = 0; i < f->n; i++) {
        struct v8_page g;
        if (f->probes[i].read && parse(f->l, image_regions(f->img), &f->probes[i], &g))
            add_page(f, &g);
    }
    f->n = 0;
}

int v8_pages_find(const struct image *img, const struct v8_layout *l, size_t limit,
                  struct v8_pages *ret) {
    struct finder *f = mem_zalloc(sizeof *f);
    *f = (struct finder){.img = img, .l = l, .ret = ret};
    const struct region_list *regions = image_regions(img);
    for (size_t i = 0; i < regions->n && !(limit && ret->list.n >= limit); i++) {
        const struct region *r = &regions->at[i];
        if (r->kind != REGION_ANON || !(r->prot & REGION_R))
            continue;
        uint64_t at = (r->start + V8_PAGE_ALIGN - 1) & ~(V8_PAGE_ALIGN - 1);
        for (; (at = next_place(img, at, r->end)) < r->end; at += V8_PAGE_ALIGN) {
            if (at < f->skip_to || !in_memory(img, at))
                continue;
            f->probes[f->n++] = (struct probe){.addr = at, .base = at};
            if (f->n == BATCH)
                flush(f);
        }
        if (limit)
            flush(f);
    }
    flush(f);
    free(f);
    return ret->list.n ? 0 : -ENODATA;
}

void v8_pages_done(struct v8_pages *p) {
    vec_free(&p->list);
    map64_done(&p->by_slot);
    map64_done(&p->by_base);
}

/* Of a page: itself, its heap (in the isolate) and its space. */
static void mark_used(const struct region_list *regions, bool *used, const struct v8_page *g) {
    const uint64_t at[] = {g->addr, g->base, g->heap, g->owner};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        const struct region *r = region_find(regions, at[i]);
        if (r)
            used[r - regions->at] = true;
    }
}

void v8_pages_find_others(const struct image *img, const struct v8_layout *l, uint64_t least_bytes,
                          struct v8_range_list *ret) {
    const struct region_list *regions = image_regions(img);
    struct v8_pages pages = {0};
    cleanup_free bool *used = mem_zalloc(regions->n + 1);
    if (v8_pages_find(img, l, 0, &pages) == 0)
        for (size_t i = 0; i < pages.list.n; i++)
            mark_used(regions, used, &pages.list.at[i]);
    for (size_t i = 0; pages.list.n && i < regions->n; i++) {
        const struct region *r = &regions->at[i];
        if (!used[i] && r->kind == REGION_ANON && r->prot & REGION_W &&
            r->end - r->start >= least_bytes)
            vec_push(&ret->list, (struct image_range){r->start, r->end});
    }
    v8_pages_done(&pages);
}

/* The space object's first-page word moved with every version, so it is found: the word that leads
 * to a page of this owner with nothing before it. */
static struct v8_page *first_page(const struct v8_pages *p, uint64_t owner, const uint64_t *words,
                                  size_t n) {
    for (size_t i = 3; i < n; i++) {
        struct v8_page *g = v8_pages_by_base(p, words[i]);
        if (g && g->owner == owner && g->prev == 0)
            return g;
    }
    return NULL;
}

static void walk_list(struct v8_pages *p, uint64_t owner, int space, struct v8_page *g) {
    while (g && g->owner == owner && !g->in_use) {
        g->in_use = true;
        g->space = space;
        g = v8_pages_by_base(p, g->next);
    }
}

void v8_pages_assign(const struct image *img, const struct v8_layout *l, struct v8_pages *p) {
    enum { SPACE_WORDS = 48 };
    struct map64 seen = {0};
    for (size_t i = 0; i < p->list.n; i++) {
        struct v8_page *g = &p->list.at[i];
        uint64_t words[SPACE_WORDS], known;
        if (!g->owner) {
            g->in_use = !g->heap; /* read-only, shared by all isolates; else stale */
            g->space = g->heap ? -1 : V8_READ_ONLY;
            continue;
        }
        if (map64_get(&seen, g->owner, &known))
            continue;
        map64_put(&seen, g->owner, 1);
        size_t got = image_read_prefix(img, g->owner, words, sizeof words) / 8;
        int space = got > 8 ? v8_layout_space(l, words[0]) : -1;
        if (space < 0 || words[l->facts.space_heap_word] != g->heap)
            continue;
        walk_list(p, g->owner, space, first_page(p, g->owner, words, got));
    }
    map64_done(&seen);
}

bool v8_pages_is_native(const struct v8_pages *p, const struct image *img, uint64_t addr) {
    if (!addr || (addr & 7) || addr >= LIMIT_USER_ADDR || v8_pages_at(p, addr))
        return false;
    const struct region *r = region_find(image_regions(img), addr);
    return r && (r->prot & REGION_W);
}
