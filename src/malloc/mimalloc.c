/* mimalloc 2.0.9 to 2.4: segments of 32 MiB at multiples of their size, in them "pages" of blocks
 * of one size each, with lists of what is free. A segment is told by its header, the chain of its
 * slices and the cookie all of them share; a page is believed when its lists hold as many blocks as
 * its counters say. */
#include "base/bits.h"
#include "base/limits.h"
#include "base/u64.h"
#include "malloc/tally.h"
#include <errno.h>
#include <string.h>

#define SEGMENT (32ull << 20)
#define SLICE (64ull << 10)
enum { SLICES = 512, KIND_NORMAL = 0, KIND_HUGE = 1, SIZE_HUGE = 1u << 31, PAGE_MAX = 96 };

/* How far into its slices a page's first block stands. */
enum start_rule { START_384, START_THRICE, START_WRITTEN };

/* src/options.c: the delay's name changed in 2.1.1. */
#define DECOMMIT "MIMALLOC_DECOMMIT_DELAY=0"
#define PURGE "MIMALLOC_PURGE_DELAY=0"

/* include/mimalloc/types.h (mimalloc-types.h in 2.0): mi_segment_t, mi_page_t, mi_heap_t, of builds
 * without MI_SECURE, MI_DEBUG and MI_PADDING; src/segment.c: _mi_segment_page_start_from_slice.
 * Offsets in bytes. What all have alike stands in page_decode() and segment_read(). */
static const struct form {
    struct tally_release release;
    uint16_t used, slice_count, slices; /* of a segment; the cookie follows `used` */
    uint16_t page_bytes;                /* sizeof(mi_page_t) */
    uint8_t local_free, page_used, block_size, thread_free;
    bool wide; /* `used` of 2 bytes, block_size of 8; else 4 and 4 */
    enum start_rule start;
    uint16_t delayed; /* mi_heap_t.thread_delayed_free; thread_id follows */
} forms[] = {
    {{"2.0.9", DECOMMIT}, 208, 224, 264, 80, 32, 24, 28, 40, false, START_384, 2840},
    {{"2.1.0 to 2.1.2", PURGE " (2.1.0: " DECOMMIT ")"},
     208,
     224,
     264,
     80,
     32,
     24,
     28,
     40,
     false,
     START_THRICE,
     2840},
    {{"2.1.4 to 2.1.7", PURGE}, 208, 224, 264, 96, 24, 32, 40, 56, true, START_WRITTEN, 8},
    {{"2.1.8 to 2.4", PURGE}, 216, 248, 288, 96, 24, 32, 40, 56, true, START_WRITTEN, 8},
};
enum { FORMS = sizeof forms / sizeof *forms };

struct segment {
    uint64_t addr, end;
    uint64_t used, cookie, info, entries, thread;
};

struct page { /* of which the first slice is `index` */
    uint64_t index, slices;
    uint32_t capacity, reserved, used;
    uint64_t size; /* of a block; 0 and 1: not a page of blocks */
    uint64_t lists[3], heap;
    uint64_t start, end; /* of its blocks, and of its slices */
};

struct walk {
    struct tally *t;
    const struct form *form;
    uint64_t cookie; /* of all segments, xor their addresses */
    VEC(struct segment) segments;
    VEC(uint64_t) heaps, delayed; /* sorted, once they are complete */
    uint64_t *is_free;            /* set of blocks of one page */
};

static uint64_t word(const uint8_t *raw, size_t at, size_t bytes) {
    uint64_t v = 0;
    memcpy(&v, raw + at, bytes);
    return v;
}

/* ---- reading ---- */

/* The offset of the first block in its slices: small ones are not where every page begins. */
static uint64_t start_offset(const struct form *f, uint64_t size) {
    if (size < 8)
        return 0;
    if (f->start == START_384)
        return size <= 1024 ? 384 : 0;
    return size <= 64 ? 3 * size : size <= 512 ? size : 0;
}

static void page_decode(const struct form *f, const struct segment *s, const uint8_t *raw,
                        struct page *p) {
    enum { CAPACITY = 10, RESERVED = 12, FREE = 16, START = 48, FLAGS = 3 };
    uint64_t area = s->addr + p->index * SLICE;
    p->slices = word(raw, 0, 4);
    p->capacity = (uint32_t)word(raw, CAPACITY, 2);
    p->reserved = (uint32_t)word(raw, RESERVED, 2);
    p->used = (uint32_t)word(raw, f->page_used, f->wide ? 2 : 4);
    p->size = word(raw, f->block_size, f->wide ? 8 : 4);
    p->lists[0] = word(raw, FREE, 8);
    p->lists[1] = word(raw, f->local_free, 8);
    p->lists[2] = word(raw, f->thread_free, 8) & ~(uint64_t)FLAGS;
    p->heap = word(raw, f->thread_free + 8u, 8);
    p->end = area + p->slices * SLICE;
    if (p->size == SIZE_HUGE && !f->wide)
        p->size = p->end - area;
    p->start = f->start == START_WRITTEN ? word(raw, START, 8) : area + start_offset(f, p->size);
}

/* The page or free span that begins with slice p->index. -EBADMSG: none can. */
static int page_read(struct walk *w, const struct segment *s, struct page *p) {
    uint8_t raw[PAGE_MAX];
    uint64_t at = s->addr + w->form->slices + p->index * w->form->page_bytes;
    int r = mem_pages_read(&w->t->pages, at, raw, w->form->page_bytes);
    if (r < 0)
        return r;
    page_decode(w->form, s, raw, p);
    if (word(raw, 4, 4) || !p->slices || p->end > s->end || p->end <= s->addr)
        return -EBADMSG;
    return 0;
}

static int segment_read(struct walk *w, uint64_t addr, struct segment *ret) {
    const struct form *f = w->form;
    uint8_t raw[512];
    int r = mem_pages_read(&w->t->pages, addr, raw, f->slices);
    if (r < 0)
        return r;
    const uint8_t *tail = raw + f->slice_count;
    uint64_t slices = word(tail, 0, 8), kind = word(tail, 16, 4);
    struct segment s = {.addr = addr,
                        .used = word(raw, f->used, 8),
                        .cookie = word(raw, f->used + 8u, 8) ^ addr,
                        .info = word(tail, 8, 8),
                        .entries = word(tail, 24, 8),
                        .thread = word(tail, 32, 8)};
    if (slices <= s.info || slices > (LIMIT_USER_ADDR - addr) / SLICE || s.info != 1 ||
        s.used > SLICES || kind > KIND_HUGE || s.entries != (slices < SLICES ? slices : SLICES) ||
        (kind == KIND_NORMAL && slices != SLICES))
        return -EBADMSG;
    s.end = addr + slices * SLICE;
    struct page head = {0};
    r = page_read(w, &s, &head);
    if (r < 0 || head.slices != s.info)
        return -EBADMSG;
    *ret = s;
    return 0;
}

/* ---- what is free ---- */

/* Mark the blocks of a list. How many there are, or -EBADMSG. */
static int64_t mark_list(struct walk *w, const struct page *p, uint64_t at) {
    int64_t n = 0;
    for (; at; n++) {
        uint64_t i = (at - p->start) / p->size;
        if (at < p->start || (at - p->start) % p->size || i >= p->capacity ||
            bits_get(w->is_free, i))
            return -EBADMSG;
        bits_set(w->is_free, i);
        if (mem_pages_u64(&w->t->pages, at, &at) < 0)
            return -EBADMSG;
    }
    return n;
}

/* Blocks freed by another thread while the page was full hang at the heap. */
static void mark_delayed(struct walk *w, const struct page *p) {
    uint64_t end = p->start + p->capacity * p->size;
    for (size_t i = u64_lower_bound(w->delayed.at, w->delayed.n, p->start);
         i < w->delayed.n && w->delayed.at[i] < end; i++)
        if ((w->delayed.at[i] - p->start) % p->size == 0)
            bits_set(w->is_free, (w->delayed.at[i] - p->start) / p->size);
}

/* Fills is_free. src/page.c, mi_page_is_valid_init: used + free + local_free is the capacity. One
 * block may be on its way between the list and the counter. */
static bool page_holds(struct walk *w, const struct page *p) {
    if (p->start < p->end - p->slices * SLICE || p->start >= p->end || p->capacity > p->reserved ||
        p->used > p->capacity || p->reserved != (uint16_t)((p->end - p->start) / p->size) ||
        p->reserved > (p->end - p->start) / p->size)
        return false;
    memset(w->is_free, 0, (p->capacity / 64 + 1) * sizeof *w->is_free);
    int64_t n[3];
    for (int i = 0; i < 3; i++)
        if ((n[i] = mark_list(w, p, p->lists[i])) < 0)
            return false;
    int64_t off = (int64_t)p->used + n[0] + n[1] - (int64_t)p->capacity;
    if (off < -1 || off > 1 || n[2] > (int64_t)p->used)
        return false;
    w->t->c->coverage.in_flight += off != 0;
    mark_delayed(w, p);
    return true;
}

/* ---- heaps ---- */

static void read_delayed(struct walk *w, uint64_t at) {
    while (at && w->delayed.n < LIMIT_LISTED_CHUNKS) {
        vec_push(&w->delayed, at);
        if (mem_pages_u64(&w->t->pages, at, &at) < 0)
            return;
    }
}

static void add_heap(struct walk *w, const struct segment *s, uint64_t heap) {
    uint64_t at[2]; /* the list, the thread */
    for (size_t i = 0; i < w->heaps.n; i++)
        if (w->heaps.at[i] == heap)
            return;
    if (!heap || w->heaps.n >= LIMIT_THREADS ||
        mem_pages_read(&w->t->pages, heap + w->form->delayed, at, sizeof at) < 0 ||
        at[1] != s->thread)
        return;
    vec_push(&w->heaps, heap);
    read_delayed(w, at[0]);
}

/* ---- segments ---- */

/* Calls `see` for all pages and free spans; stops at the first that makes no sense. */
static int each_page(struct walk *w, const struct segment *s,
                     void (*see)(struct walk *w, const struct segment *s, const struct page *p)) {
    struct page p = {.index = s->info};
    for (; p.index < s->entries; p.index += p.slices) {
        int r = page_read(w, s, &p);
        if (r < 0)
            return r;
        see(w, s, &p);
    }
    return 0;
}

static void see_heap(struct walk *w, const struct segment *s, const struct page *p) {
    if (p->size > 1)
        add_heap(w, s, p->heap);
}

/* Segments begin at multiples of their size, in whatever the kernel gave. */
static void find_segments(struct walk *w) {
    const struct region_list *l = image_regions(w->t->img);
    const struct residency *res = image_residency(w->t->img);
    uint64_t next = 0;
    w->segments.n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct region *r = &l->at[i];
        uint64_t at = (r->start + SEGMENT - 1) & ~(SEGMENT - 1);
        for (; r->kind == REGION_ANON && !r->shared && at < r->end; at += SEGMENT) {
            struct segment s;
            if (at < next || !page_is_readable(res, at, NULL) || segment_read(w, at, &s) < 0)
                continue;
            vec_push(&w->segments, s);
            next = s.end;
        }
    }
}

/* The cookie of most. */
static void settle_cookie(struct walk *w) {
    size_t best = 0, kept = 0;
    for (size_t i = 0; i < w->segments.n && best <= w->segments.n / 2; i++) {
        size_t n = 0;
        for (size_t k = 0; k < w->segments.n; k++)
            n += w->segments.at[k].cookie == w->segments.at[i].cookie;
        if (n > best) {
            best = n;
            w->cookie = w->segments.at[i].cookie;
        }
    }
    for (size_t i = 0; i < w->segments.n; i++)
        if (w->segments.at[i].cookie == w->cookie)
            w->segments.at[kept++] = w->segments.at[i];
    w->segments.n = kept;
}

/* ---- which release ---- */

struct trial {
    uint32_t good, bad;
};

/* How well a form explains the first pages of the first segments. */
static struct trial try_form(struct walk *w, const struct form *f) {
    enum { SEGMENTS = 8 };
    struct trial n = {0, 0};
    w->form = f;
    find_segments(w);
    settle_cookie(w);
    for (size_t i = 0; i < w->segments.n && i < SEGMENTS; i++) {
        const struct segment *s = &w->segments.at[i];
        struct page p = {.index = s->info};
        for (; p.index < s->entries; p.index += p.slices) {
            if (page_read(w, s, &p) < 0) {
                n.bad++;
                break;
            }
            if (p.size > 1 && page_holds(w, &p))
                n.good++;
            else if (p.size > 1)
                n.bad++;
        }
    }
    return n;
}

static bool choose_form(struct walk *w) {
    const struct form *best = NULL;
    struct trial most = {0, 0};
    for (size_t i = 0; i < FORMS; i++) {
        struct trial n = try_form(w, &forms[i]);
        if (n.good > n.bad && n.good > most.good) {
            most = n;
            best = &forms[i];
        }
    }
    w->form = best;
    w->t->c->coverage.in_flight = 0;
    if (!best)
        return false;
    find_segments(w);
    settle_cookie(w);
    return true;
}

/* ---- telling ---- */

static void tell_blocks(struct walk *w, const struct page *p) {
    uint64_t from = 0, end = p->start + p->capacity * p->size;
    for (uint64_t i = 1; i <= p->capacity; i++) {
        bool free = bits_get(w->is_free, from);
        if (i < p->capacity && bits_get(w->is_free, i) == free)
            continue;
        tally_blocks(w->t, p->start + from * p->size, p->size, i - from,
                     free ? MALLOC_BINNED : MALLOC_IN_USE);
        from = i;
    }
    tally_rest(w->t, end, p->end, MALLOC_BINNED); /* not handed out yet, or again */
}

static void tell_page(struct walk *w, const struct segment *s, const struct page *p) {
    uint64_t area = p->end - p->slices * SLICE;
    if (p->size <= 1) {
        tally_rest(w->t, area, p->end, MALLOC_FREE_PAGES);
    } else if (page_holds(w, p)) {
        tally_rest(w->t, area, p->start, MALLOC_METADATA);
        tell_blocks(w, p);
    } else {
        tally_broken(w->t, s->addr + w->form->slices + p->index * w->form->page_bytes);
    }
}

static void tell_segment(struct walk *w, const struct segment *s) {
    if (!tally_span(w->t, s->addr, s->end)) {
        tally_broken(w->t, s->addr);
        return;
    }
    tally_rest(w->t, s->addr, s->addr + s->info * SLICE, MALLOC_METADATA);
    int r = each_page(w, s, tell_page);
    if (r == -EBADMSG)
        tally_broken(w->t, w->t->at);
    else if (r == -ENODATA)
        w->t->c->coverage.not_resident++;
}

const struct tally_release *mimalloc_walk(struct tally *t) {
    struct walk w = {.t = t, .is_free = bits_new(UINT16_MAX)};
    bool found = choose_form(&w);
    for (size_t i = 0; found && i < w.segments.n; i++)
        each_page(&w, &w.segments.at[i], see_heap);
    sort_addresses(w.delayed.at, w.delayed.n);
    for (size_t i = 0; found && i < w.segments.n; i++)
        tell_segment(&w, &w.segments.at[i]);
    vec_free(&w.segments);
    vec_free(&w.heaps);
    vec_free(&w.delayed);
    free(w.is_free);
    return found ? &w.form->release : NULL;
}
