#include "v8/walk.h"

#include "base/bytes.h"
#include "base/debug.h"
#include "base/limits.h"
#include "v8/maps.h"
#include "v8/sizes.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_THREADS = 4,
    PAGE_OS_PAGES = V8_PAGE_ALIGN / PAGE_BYTES,
    HEAD_MAX = 4096,     /* as far as an object's size stands in it (module ScopeInfo) */
    BLOCK_OS_PAGES = 16, /* read at once */
    BLOCK_BYTES = BLOCK_OS_PAGES * PAGE_BYTES,
    PAGE_BLOCKS = PAGE_OS_PAGES / BLOCK_OS_PAGES,
    RECENT = 32,
    GAPS_MAX = 4,
    LARGE_HEAD = 256, /* of a large object only its head is read */
    FREE_HEAD = 64,   /* more than a FreeSpace's fields, and as long as a gap */
};

/* Everything the threads share; only `next` changes. */
struct job {
    const struct image *img;
    const struct v8_layout *l;
    const struct v8_pages *pages;
    const struct v8_lab_list *labs;
    const size_t *which;
    size_t n, n_isolates;
    bool last;
    struct v8_walk_sink sink;
    atomic_size_t next;
};

struct walker {
    struct job *job;
    struct v8_walk out;
    struct v8_maps maps;
    uint8_t *buf;                          /* the page in hand */
    uint64_t resident[PAGE_OS_PAGES / 64]; /* which OS pages of it are in memory */
    uint64_t readable[PAGE_OS_PAGES / 64]; /* which of buf are filled */
    unsigned loaded;                       /* bit b: block b was read */
    uint64_t ready_from, ready_to;         /* readable in a row */
    const struct v8_page *page;
    size_t index;                 /* of this page */
    struct v8_space_census tally; /* of this page */
    size_t stores_before;
    uint64_t recent[RECENT]; /* the objects walked over last, as a ring */
    size_t n_recent;
    struct gap {
        uint64_t at, bytes;
    } gaps[GAPS_MAX]; /* of this page: see mend() */
    size_t n_gaps;
    pthread_t thread;
};

static bool bit(const uint64_t *bits, size_t i) {
    return bits[i / 64] >> (i % 64) & 1;
}

static uint64_t resident_in(const struct walker *w, uint64_t from, uint64_t to) {
    uint64_t sum = 0, base = w->page->addr;
    while (from < to) {
        uint64_t end = (from / PAGE_BYTES + 1) * PAGE_BYTES;
        if (end > to)
            end = to;
        if (bit(w->resident, (from - base) / PAGE_BYTES))
            sum += end - from;
        from = end;
    }
    return sum;
}

static void count(struct walker *w, enum v8_part part, uint64_t from, uint64_t to) {
    w->tally.part[part].bytes += to - from;
    w->tally.part[part].resident += resident_in(w, from, to);
}

/* --- reading a page, block by block: what free space covers is never read --- */

/* The resident ones of OS pages [first, end). */
static void read_resident(struct walker *w, size_t first, size_t end) {
    struct image_part parts[BLOCK_OS_PAGES / 2 + 1];
    size_t n = 0;
    for (size_t i = first; i < end;) {
        size_t k = i;
        while (k < end && bit(w->resident, k))
            k++;
        if (k > i)
            parts[n++] = (struct image_part){w->page->addr + i * PAGE_BYTES,
                                             w->buf + i * PAGE_BYTES, (k - i) * PAGE_BYTES};
        i = k > i ? k : i + 1;
    }
    bool all = image_read_parts(w->job->img, parts, n) == 0;
    for (size_t i = first; i < end; i++)
        if (bit(w->resident, i) && (all || image_read(w->job->img, w->page->addr + i * PAGE_BYTES,
                                                      w->buf + i * PAGE_BYTES, PAGE_BYTES) == 0))
            w->readable[i / 64] |= 1ull << (i % 64);
}

/* A core says which pages have content, not which were there: read whatever it holds. */
static void read_whatever(struct walker *w, size_t first, size_t end) {
    uint64_t at = w->page->addr + first * PAGE_BYTES;
    bool all =
        image_read(w->job->img, at, w->buf + first * PAGE_BYTES, (end - first) * PAGE_BYTES) == 0;
    for (size_t i = first; i < end; i++)
        if (all || image_read(w->job->img, w->page->addr + i * PAGE_BYTES, w->buf + i * PAGE_BYTES,
                              PAGE_BYTES) == 0)
            w->readable[i / 64] |= 1ull << (i % 64);
}

static void load_block(struct walker *w, size_t block) {
    const struct residency *res = image_residency(w->job->img);
    size_t first = block * BLOCK_OS_PAGES, end = first + BLOCK_OS_PAGES;
    size_t n = (w->page->size + PAGE_BYTES - 1) / PAGE_BYTES;
    if (block >= PAGE_BLOCKS || w->loaded >> block & 1)
        return;
    w->loaded |= 1u << block;
    if (end > n)
        end = n;
    if (first >= end)
        return;
    if (!res || res->estimated)
        read_whatever(w, first, end);
    else
        read_resident(w, first, end);
}

/* Have the object that begins at `at` in the buffer, as far as its size can stand in it. */
static void need(struct walker *w, uint64_t at) {
    uint64_t offset = at - w->page->addr;
    load_block(w, offset / BLOCK_BYTES);
    if (offset % BLOCK_BYTES > BLOCK_BYTES - HEAD_MAX)
        load_block(w, offset / BLOCK_BYTES + 1);
}

static void begin_page(struct walker *w, size_t index) {
    const struct residency *res = image_residency(w->job->img);
    const struct v8_page *g = &w->job->pages->list.at[index];
    w->page = g;
    w->index = index;
    w->loaded = 0;
    w->ready_from = w->ready_to = 0;
    w->tally = (struct v8_space_census){0};
    w->stores_before = w->out.stores.n;
    w->n_gaps = 0;
    memset(w->readable, 0, sizeof w->readable);
    memset(w->resident, 0, sizeof w->resident);
    if (res)
        residency_bitmap(res, g->addr, PAGE_OS_PAGES, w->resident);
}

/* Bytes of the buffer readable in a row from `at` on. Objects follow one another, so what was found
 * for the last one mostly holds. */
static uint64_t available(struct walker *w, uint64_t at) {
    if (at >= w->ready_from && at + HEAD_MAX <= w->ready_to)
        return w->ready_to - at;
    need(w, at);
    size_t k = (at - w->page->addr) / PAGE_BYTES;
    while (k < PAGE_OS_PAGES && bit(w->readable, k))
        k++;
    w->ready_from = at;
    w->ready_to = w->page->addr + k * PAGE_BYTES;
    return w->ready_to > at ? w->ready_to - at : 0;
}

static const struct v8_map_info *map_of(struct walker *w, uint64_t map) {
    return v8_maps_get(&w->maps, w->job->img, w->job->l, w->job->pages, map);
}

/* --- objects that hold memory outside --- */

static void note_array_buffer(struct walker *w, uint64_t at, const uint8_t *o, uint64_t size) {
    const struct v8_facts *f = &w->job->l->facts;
    if (size < (uint64_t)f->array_buffer_bit_field + 4)
        return;
    uint64_t bytes = u64_at(o, (size_t)f->array_buffer_byte_length);
    uint64_t store = u64_at(o, (size_t)f->array_buffer_store);
    uint32_t flags;
    memcpy(&flags, o + f->array_buffer_bit_field, 4);
    bool shared = flags >> f->array_buffer_shared_bit & 1;
    bool resizable = flags >> f->array_buffer_resizable_bit & 1;
    if (shared && resizable && f->array_buffer_max_byte_length >= 0)
        bytes = u64_at(o, (size_t)f->array_buffer_max_byte_length); /* length is in the store */
    if (!store || !bytes || store >= LIMIT_USER_ADDR || bytes >= LIMIT_USER_ADDR ||
        v8_pages_at(w->job->pages, store))
        return; /* empty, or a typed array's elements on the heap */
    vec_push(&w->out.stores, (struct v8_store){.addr = store,
                                               .bytes = bytes,
                                               .holder = at,
                                               .isolate = (uint32_t)w->page->isolate,
                                               .resizable = resizable,
                                               .kind = shared ? V8_STORE_SHARED : V8_STORE_BUFFER});
}

/* ExternalString: resource at 16, resource_data at 24, length u32 at 12 (v8dbg agrees, 12 to 26).
 */
static void note_external_string(struct walker *w, const struct v8_map_info *m, uint64_t at,
                                 const uint8_t *o, uint64_t size) {
    const struct v8_layout *l = w->job->l;
    if (size < 32)
        return;
    uint32_t length;
    memcpy(&length, o + 12, 4);
    uint64_t data = u64_at(o, 24);
    bool one_byte = (m->type & l->string_encoding_mask) == l->one_byte_tag;
    if (data && data < LIMIT_USER_ADDR)
        vec_push(&w->out.stores, (struct v8_store){.addr = data,
                                                   .bytes = one_byte ? length : 2ull * length,
                                                   .holder = at,
                                                   .isolate = (uint32_t)w->page->isolate,
                                                   .kind = V8_STORE_STRING,
                                                   .two_byte = !one_byte});
}

static void note_outside(struct walker *w, const struct v8_map_info *m, uint64_t at,
                         const uint8_t *o, uint64_t size) {
    const struct v8_layout *l = w->job->l;
    if (m->type == l->array_buffer_type)
        note_array_buffer(w, at, o, size);
    else if (m->type < l->first_nonstring_type &&
             (m->type & l->string_representation_mask) == l->external_string_tag)
        note_external_string(w, m, at, o, size);
}

static bool holds_outside(const struct v8_layout *l, const struct v8_map_info *m) {
    return m->type == l->array_buffer_type ||
           (m->type < l->first_nonstring_type &&
            (m->type & l->string_representation_mask) == l->external_string_tag);
}

/* --- telling of objects --- */

/* What of [at, at + size) cannot be read shall be zeros: the buffer has what stood there before. */
static void blank_unread(struct walker *w, uint64_t at, uint64_t size) {
    uint64_t from = at - w->page->addr, to = from + size;
    for (uint64_t block = from / BLOCK_BYTES; block * BLOCK_BYTES < to; block++)
        load_block(w, block);
    for (uint64_t i = from / PAGE_BYTES; i * PAGE_BYTES < to; i++)
        if (!bit(w->readable, i))
            memset(w->buf + i * PAGE_BYTES, 0, PAGE_BYTES);
}

static void tell(struct walker *w, uint64_t at, uint64_t size, const struct v8_map_info *m) {
    const struct v8_walk_sink *s = &w->job->sink;
    if (!s->arg)
        return;
    if (s->heads_only) {
        s->object(s->arg, w->index, at, size, m, NULL, 0);
        return;
    }
    blank_unread(w, at, size);
    s->object(s->arg, w->index, at, size, m, w->buf + (at - w->page->addr), size);
}

/* Free space, fillers, and words between objects that belong to neither. */
static void tell_free(struct walker *w, uint64_t at, uint64_t size) {
    const struct v8_walk_sink *s = &w->job->sink;
    if (!s->arg || !s->free)
        return;
    uint64_t have = size < FREE_HEAD ? size : FREE_HEAD;
    blank_unread(w, at, have);
    s->free(s->arg, w->index, at, size, w->buf + (at - w->page->addr), have);
}

static void tell_large(struct walker *w, uint64_t size, const struct v8_map_info *m) {
    const struct v8_walk_sink *s = &w->job->sink;
    const struct v8_page *g = w->page;
    if (!s->arg)
        return;
    s->begin(s->arg, w->index);
    if (s->heads_only) {
        s->object(s->arg, w->index, g->area_start, size, m, NULL, 0);
        return;
    }
    for (uint64_t done = 0; done < size;) {
        uint64_t at = g->area_start + done, have = size - done;
        have = have < V8_PAGE_ALIGN ? have : V8_PAGE_ALIGN;
        for (uint64_t i = 0, n; i < have; i += n) {
            n = PAGE_BYTES - (at + i) % PAGE_BYTES;
            n = n < have - i ? n : have - i;
            if (image_read(w->job->img, at + i, w->buf + i, n) < 0)
                memset(w->buf + i, 0, n);
        }
        if (done)
            s->more(s->arg, w->index, done, w->buf, have);
        else
            s->object(s->arg, w->index, at, size, m, w->buf, have);
        done += s->more ? have : size;
    }
}

/* --- walking --- */

/* The size of the object at `at`, with its map; 0 when no object can begin there. */
static uint64_t object_at(struct walker *w, uint64_t at, const struct v8_map_info **ret_map) {
    const uint8_t *o = w->buf + (at - w->page->addr);
    uint64_t avail = available(w, at);
    if (avail < 8)
        return 0;
    const struct v8_map_info *m = map_of(w, u64_at(o, 0));
    if (!m)
        return 0;
    *ret_map = m;
    return v8_object_size(w->job->l, w->job->img, m, o, avail);
}

/* By type: up to version 9 every isolate has read-only maps of its own. */
static bool is_free(const struct v8_layout *l, const struct v8_map_info *m) {
    return m->type == l->free_space_type || m->type == l->filler_type;
}

static void finish_page(struct walker *w) {
    const struct v8_page *g = w->page;
    count(w, V8_HEADER, g->addr, g->area_start);
    count(w, V8_HEADER, g->area_end, g->addr + g->size);
    /* Objects are all of the area that is nothing else: no need to count each one's residency. */
    uint64_t resident = resident_in(w, g->area_start, g->area_end);
    for (int p = 0; p < V8_PARTS; p++)
        if (p != V8_OBJECTS && p != V8_HEADER)
            resident -= w->tally.part[p].resident;
    w->tally.part[V8_OBJECTS].resident = resident;
    w->tally.pages = 1;
    w->tally.committed = g->size;
}

static void add_tally(struct walker *w) {
    const struct v8_page *g = w->page;
    size_t row = g->isolate < 0 ? w->job->n_isolates : (size_t)g->isolate;
    struct v8_space_census *to = &w->out.space[row][g->space], *from = &w->tally;
    to->pages += from->pages;
    to->objects += from->objects;
    to->committed += from->committed;
    for (int p = 0; p < V8_PARTS; p++) {
        to->part[p].bytes += from->part[p].bytes;
        to->part[p].resident += from->part[p].resident;
    }
}

/* A thread stopped between taking memory from its area and writing the object: what lies between
 * the last whole object and the top is one allocation in flight. */
static uint64_t end_of_flight(const struct walker *w, uint64_t at) {
    const struct v8_lab_list *labs = w->job->labs;
    size_t i = v8_labs_from(labs, at);
    return i < labs->list.n && labs->list.at[i].top < w->page->area_end ? labs->list.at[i].top : 0;
}

static uint64_t gap_at(const struct walker *w, uint64_t at) {
    for (size_t i = 0; i < w->n_gaps; i++)
        if (w->gaps[i].at == at)
            return w->gaps[i].bytes;
    return 0;
}

/* Walks the area. Returns where it got stuck, or the area's end. */
static uint64_t walk_area(struct walker *w) {
    const struct v8_page *g = w->page;
    const struct v8_lab_list *labs = w->job->labs;
    uint64_t at = g->area_start, flight;
    size_t lab = v8_labs_from(labs, at);
    w->n_recent = 0;
    if (w->job->sink.arg)
        w->job->sink.begin(w->job->sink.arg, w->index);
    while (at < g->area_end) {
        while (lab < labs->list.n && labs->list.at[lab].top < at)
            lab++;
        if (lab < labs->list.n && labs->list.at[lab].top == at && labs->list.at[lab].limit > at) {
            count(w, V8_LAB, at, labs->list.at[lab].limit);
            at = labs->list.at[lab].limit;
            continue;
        }
        uint64_t gap = gap_at(w, at);
        if (gap) {
            count(w, V8_FREE, at, at + gap);
            tell_free(w, at, gap);
            at += gap;
            continue;
        }
        const struct v8_map_info *m;
        uint64_t size = object_at(w, at, &m);
        if (size < 8 || (size & 7) || size > g->area_end - at) {
            if (!w->job->last || !(flight = end_of_flight(w, at)))
                return at;
            w->tally.part[V8_OBJECTS].bytes += flight - at;
            w->tally.objects++;
            at = flight;
            continue;
        }
        if (is_free(w->job->l, m)) {
            count(w, V8_FREE, at, at + size);
            tell_free(w, at, size);
        } else {
            w->tally.objects++;
            w->tally.part[V8_OBJECTS].bytes += size;
            if (holds_outside(w->job->l, m))
                note_outside(w, m, at, w->buf + (at - g->addr), size);
            tell(w, at, size, m);
        }
        w->recent[w->n_recent++ % RECENT] = at;
        at += size;
    }
    return at;
}

/* Do objects follow one another from `at` to the end of the area? */
static bool walks_on(struct walker *w, uint64_t at) {
    const struct v8_page *g = w->page;
    const struct v8_lab_list *labs = w->job->labs;
    while (at < g->area_end) {
        size_t lab = v8_labs_from(labs, at);
        if (lab < labs->list.n && labs->list.at[lab].top == at && labs->list.at[lab].limit > at) {
            at = labs->list.at[lab].limit;
            continue;
        }
        const struct v8_map_info *m;
        uint64_t size = object_at(w, at, &m);
        if (size < 8 || (size & 7) || size > g->area_end - at)
            return false;
        at += size;
    }
    return true;
}

/* Some words between two objects may belong to neither, for a moment (seen on V8 10.2: one word
 * with what stood there before, in front of a new object). Such a gap makes the walk follow an
 * object that is none. Find it among the last objects: the first place from which the rest of the
 * page walks to its end. */
static bool mend(struct walker *w) {
    enum { GAP_BYTES_MAX = 64 };
    for (size_t i = 0; i < RECENT && i < w->n_recent && w->n_gaps < GAPS_MAX; i++) {
        uint64_t at = w->recent[(w->n_recent - 1 - i) % RECENT];
        for (uint64_t gap = 8; gap <= GAP_BYTES_MAX && gap < w->page->area_end - at; gap += 8)
            if (walks_on(w, at + gap)) {
                w->gaps[w->n_gaps++] = (struct gap){at, gap};
                return true;
            }
    }
    return false;
}

/* As walk_area(), with gaps mended once nothing else helped. */
static uint64_t walk_mended(struct walker *w) {
    uint64_t at = walk_area(w);
    while (at < w->page->area_end && w->job->last && mend(w)) {
        w->tally = (struct v8_space_census){0};
        w->out.stores.n = w->stores_before;
        at = walk_area(w);
    }
    return at;
}

static void debug_stuck(const struct walker *w, uint64_t at) {
    const struct v8_page *g = w->page;
    if (!debug_on("v8"))
        return;
    debug("v8", "stuck in %s of isolate %d: page %llx flags %llx area +%llx to +%llx, at +%llx",
          v8_space_name((enum v8_space)g->space), g->isolate, (unsigned long long)g->addr,
          (unsigned long long)g->flags, (unsigned long long)(g->area_start - g->addr),
          (unsigned long long)(g->area_end - g->addr), (unsigned long long)(at - g->addr));
    uint64_t previous = w->n_recent ? w->recent[(w->n_recent - 1) % RECENT] : g->area_start;
    for (uint64_t a = previous; a < g->area_end && a < previous + 64; a += 8)
        debug("v8", "  previous object +%llx: %016llx", (unsigned long long)(a - g->addr),
              (unsigned long long)u64_at(w->buf, (size_t)(a - g->addr)));
    for (uint64_t a = at; a < g->area_end && a < at + 64; a += 8)
        debug("v8", "  +%llx: %016llx", (unsigned long long)(a - g->addr),
              (unsigned long long)u64_at(w->buf, (size_t)(a - g->addr)));
    const struct v8_lab_list *labs = w->job->labs;
    for (size_t i = 0; i < labs->records.n; i++) {
        const struct v8_lab_record *r = &labs->records.at[i];
        if (r->start >= g->addr && r->start < g->area_end)
            debug("v8", "  area +%llx +%llx +%llx%s", (unsigned long long)(r->start - g->addr),
                  (unsigned long long)(r->top - g->addr), (unsigned long long)(r->limit - g->addr),
                  r->original ? " (original)" : "");
    }
}

static void walk_regular(struct walker *w) {
    const struct v8_page *g = w->page;
    bool holds_nothing = g->raw_tail || (g->space == V8_NEW && (g->flags & V8_PAGE_FROM));
    if (holds_nothing) {
        count(w, V8_UNUSED, g->area_start, g->area_end);
    } else {
        uint64_t at = walk_mended(w);
        if (at < g->area_end && !w->job->last) {
            w->out.stores.n = w->stores_before;
            vec_push(&w->out.stuck, (struct v8_stuck){w->index, at});
            return;
        }
        if (at == g->area_start && g->space == V8_NEW && w->job->l->facts.new_space_raw_tail) {
            /* No area is open in the new space (just after a collection, or in an isolate that is
             * ending), so the order of pages does not tell; nothing was allocated on this one. */
            count(w, V8_UNUSED, at, g->area_end);
        } else if (at < g->area_end) {
            count(w, V8_UNWALKED, at, g->area_end);
            debug_stuck(w, at);
            vec_push(&w->out.stuck, (struct v8_stuck){w->index, at});
        }
    }
    finish_page(w);
    add_tally(w);
}

/* One object at the start of the area; only its head is read. */
static void walk_large(struct walker *w, size_t index) {
    const struct residency *res = image_residency(w->job->img);
    const struct v8_page *g = &w->job->pages->list.at[index];
    uint8_t head[LARGE_HEAD] = {0};
    w->page = g;
    w->index = index;
    w->tally = (struct v8_space_census){.pages = 1, .committed = g->size};
    size_t got = image_read_prefix(w->job->img, g->area_start, head, sizeof head);
    const struct v8_map_info *m = got >= 8 ? map_of(w, u64_at(head, 0)) : NULL;
    uint64_t size = m ? v8_object_size(w->job->l, w->job->img, m, head, got) : 0;
    enum v8_part part = V8_OBJECTS;
    if (!size || size > g->addr + g->size - g->area_start) {
        size = g->area_end - g->area_start;
        part = V8_UNWALKED;
    } else {
        w->tally.objects = 1;
        if (holds_outside(w->job->l, m))
            note_outside(w, m, g->area_start, head, got);
        tell_large(w, size, m);
    }
    uint64_t end = g->area_start + size;
    w->tally.part[part].bytes = size;
    w->tally.part[V8_HEADER].bytes = g->size - size;
    if (res) {
        w->tally.part[part].resident = residency_bytes(res, g->area_start, end);
        w->tally.part[V8_HEADER].resident = residency_bytes(res, g->addr, g->area_start) +
                                            residency_bytes(res, end, g->addr + g->size);
    }
    add_tally(w);
}

bool v8_page_is_large(const struct v8_page *g) {
    return g->space >= V8_LARGE || g->size > V8_PAGE_ALIGN;
}

static void walk_page(struct walker *w, size_t index) {
    if (v8_page_is_large(&w->job->pages->list.at[index])) {
        walk_large(w, index);
    } else {
        begin_page(w, index);
        walk_regular(w);
    }
}

static void *run_walker(void *arg) {
    struct walker *w = arg;
    struct job *j = w->job;
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n;)
        walk_page(w, j->which[i]);
    return NULL;
}

static struct walker *new_walker(struct job *j) {
    struct walker *w = mem_zalloc(sizeof *w);
    w->job = j;
    w->buf = mem_alloc(V8_PAGE_ALIGN);
    w->out.space = mem_zalloc((j->n_isolates + 1) * sizeof *w->out.space);
    return w;
}

static void free_walker(struct walker *w) {
    v8_walk_done(&w->out);
    free(w->buf);
    v8_maps_done(&w->maps);
    free(w);
}

static void merge(struct v8_walk *to, struct v8_walk *from, size_t rows) {
    for (size_t r = 0; r < rows; r++)
        for (int s = 0; s < V8_SPACES; s++) {
            struct v8_space_census *a = &to->space[r][s], *b = &from->space[r][s];
            a->pages += b->pages;
            a->objects += b->objects;
            a->committed += b->committed;
            for (int p = 0; p < V8_PARTS; p++) {
                a->part[p].bytes += b->part[p].bytes;
                a->part[p].resident += b->part[p].resident;
            }
        }
    for (size_t i = 0; i < from->stores.n; i++)
        vec_push(&to->stores, from->stores.at[i]);
    for (size_t i = 0; i < from->stuck.n; i++)
        vec_push(&to->stuck, from->stuck.at[i]);
}

void v8_walk_pages(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                   const struct v8_lab_list *labs, size_t n_isolates, const size_t *which, size_t n,
                   bool last, struct v8_walk *ret) {
    struct job job = {.img = img,
                      .l = l,
                      .pages = pages,
                      .labs = labs,
                      .which = which,
                      .n = n,
                      .n_isolates = n_isolates,
                      .last = last,
                      .sink = ret->sink};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = cpus < 1 ? 1 : cpus > MAX_THREADS ? MAX_THREADS : (size_t)cpus;
    if (threads > n / 16 + 1) /* a thread is worth starting for some pages only */
        threads = n / 16 + 1;
    struct walker *walkers[MAX_THREADS];
    for (size_t i = 0; i < threads; i++) {
        struct walker *w = walkers[i] = new_walker(&job);
        if (i && pthread_create(&w->thread, NULL, run_walker, w) != 0)
            w->thread = 0; /* the others do its share */
    }
    run_walker(walkers[0]);
    for (size_t i = 0; i < threads; i++) {
        if (i && walkers[i]->thread)
            pthread_join(walkers[i]->thread, NULL);
        merge(ret, &walkers[i]->out, n_isolates + 1);
        free_walker(walkers[i]);
    }
}

struct v8_page_walker {
    struct job job;
    struct walker *walker;
};

struct v8_page_walker *v8_page_walker_new(const struct image *img, const struct v8_layout *l,
                                          const struct v8_pages *pages,
                                          const struct v8_lab_list *labs, size_t n_isolates,
                                          const struct v8_walk_sink *sink) {
    struct v8_page_walker *p = mem_zalloc(sizeof *p);
    p->job.img = img;
    p->job.l = l;
    p->job.pages = pages;
    p->job.labs = labs;
    p->job.n_isolates = n_isolates;
    p->job.last = true;
    p->job.sink = *sink;
    p->walker = new_walker(&p->job);
    return p;
}

void v8_page_walker_walk(struct v8_page_walker *p, size_t page) {
    walk_page(p->walker, page);
    p->walker->out.stores.n = p->walker->out.stuck.n = 0;
}

void v8_page_walker_free(struct v8_page_walker *p) {
    if (!p)
        return;
    free_walker(p->walker);
    free(p);
}

void v8_walk_done(struct v8_walk *w) {
    free(w->space);
    w->space = NULL;
    vec_free(&w->stores);
    vec_free(&w->stuck);
}
