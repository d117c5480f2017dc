/* Walks every chunk of every span, once, forward.
 *
 * Whether a chunk is free in a bin is told by the PREV_INUSE bit of the chunk after it, so the walk
 * decides on a chunk when it reads the next header; bins are never chased. Fastbin and tcache
 * chunks look as if in use and are told by the sorted lists, merged in as the walk passes. */
#include "base/limits.h"
#include "base/u64.h"
#include "malloc/glibc.h"
#include <errno.h>
#include <string.h>

enum { RESYNC_TRIES = 1 << 18 /* 4 MiB */, RESYNC_CHAIN = 8 };

struct walk {
    struct glibc *g;
    struct malloc_arena *arena;
    struct malloc_span *span;
    int32_t arena_index;
    struct res_cursor resident;
    struct res_cursor trim; /* lags: it asks for page ranges inside past chunks */
    size_t fast, tcached, wanted;
    uint64_t run_start; /* of neighbouring free chunks that mtrim() will see as one; 0: none */
    uint64_t top, last; /* last: the chunk before the one looked at */
    uint64_t next_block;
    struct malloc_pin pins[MALLOC_PINS]; /* a ring, by n_pins */
    uint64_t n_pins, below_bytes, below_resident;
    /* In use without a gap, and what is free right before it. */
    struct {
        uint64_t free, bytes, resident, large, large_count;
    } stretch;
};

/* malloc.c, mtrim(), 2.17-2.43: after malloc_consolidate(), of each binned chunk the whole pages
 * behind its struct malloc_chunk are given back. */
static void close_run(struct walk *w, uint64_t end) {
    uint64_t start = w->run_start;
    w->run_start = 0;
    if (!start || end - start <= PAGE_BYTES - 1 + CHUNK_STRUCT)
        return;
    uint64_t from = (start + CHUNK_STRUCT + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    uint64_t to = end & ~(PAGE_BYTES - 1);
    if (from >= to)
        return;
    w->arena->free_pages += to - from;
    w->arena->trimmable += res_cursor_bytes(&w->trim, from, to);
}

/* systrim(), main arena only: top is cut by whole (huge) pages, but for a minimal chunk. mtrim()
 * leaves the tops of thread arenas alone. */
static void trim_top(struct walk *w, uint64_t end) {
    uint64_t start = w->run_start ? w->run_start : w->top; /* consolidation may grow it downwards */
    uint64_t page = w->g->c->glibc.thp_pagesize ? w->g->c->glibc.thp_pagesize : PAGE_BYTES;
    const struct region *r = region_find(image_regions(w->g->img), w->top);
    w->run_start = 0;
    if (!w->arena->is_main || !r || r->kind != REGION_HEAP || r->end != end)
        return; /* not ours to cut: systrim() wants top at the end of brk */
    if (end - start <= CHUNK_MIN + 1)
        return;
    uint64_t extra = (end - start - CHUNK_MIN - 1) & ~(page - 1);
    w->arena->free_pages += extra;
    w->arena->trimmable += res_cursor_bytes(&w->trim, end - extra, end);
}

static void answer_wanted(struct walk *w, uint64_t start, uint64_t end, enum malloc_state state) {
    const struct malloc_hints *h = w->g->hints;
    for (; w->wanted < h->n_wanted && h->wanted[w->wanted] < end; w->wanted++)
        if (h->wanted[w->wanted] >= start)
            w->g->c->wanted.at[w->wanted] = (struct malloc_chunk){
                .addr = start, .size = end - start, .state = state, .arena = w->arena_index};
}

/* Only the ends of a span can be odd, where no chunk is. */
static void keep_piece(struct malloc_census *c, uint64_t start, uint64_t end,
                       enum malloc_state state) {
    start = (start + 15) & ~15ull;
    end &= ~15ull;
    if (start < end)
        vec_push(&c->pieces, (struct malloc_piece){start, end - start, (uint8_t)state});
}

/* Gives the resident bytes. */
static uint64_t add_share(struct walk *w, uint64_t start, uint64_t end, enum malloc_state state) {
    struct malloc_share *s = &w->arena->share[state];
    if (start >= end)
        return 0;
    uint64_t resident = res_cursor_bytes(&w->resident, start, end);
    s->bytes += end - start;
    s->resident += resident;
    s->count++;
    if (w->g->hints->keep_pieces)
        keep_piece(w->g->c, start, end, state);
    while (w->next_block < end && w->next_block < w->span->end) {
        size_t block = (w->next_block - w->span->start) / MALLOC_INDEX_BYTES;
        uint64_t chunk = state <= MALLOC_TOP ? start : end;
        uint64_t at = (chunk - (w->span->start & ~15ull)) / 16;
        if (block < w->span->n_index)
            w->span->index[block] = at < MALLOC_INDEX_NONE ? (uint32_t)at : MALLOC_INDEX_NONE;
        w->next_block += MALLOC_INDEX_BYTES;
    }
    return resident;
}

static void add_pin(struct walk *w, uint64_t chunk, uint64_t size, enum malloc_state state) {
    if (!w->n_pins || w->below_bytes >= PAGE_BYTES)
        w->pins[w->n_pins++ % MALLOC_PINS] =
            (struct malloc_pin){.below_bytes = w->below_bytes, .below_resident = w->below_resident};
    struct malloc_pin *p = &w->pins[(w->n_pins - 1) % MALLOC_PINS];
    p->addr = chunk;
    p->size = size;
    p->state = state;
    p->count++;
    p->bytes += size;
    w->below_bytes = w->below_resident = 0;
}

/* Top is reached: the last of the ring are its pins. */
static void keep_pins(struct walk *w) {
    struct malloc_arena *a = w->arena;
    for (a->n_pins = 0; a->n_pins < MALLOC_PINS && a->n_pins < w->n_pins; a->n_pins++)
        a->pins[a->n_pins] = w->pins[(w->n_pins - 1 - a->n_pins) % MALLOC_PINS];
}

static enum malloc_state listed(struct walk *w, uint64_t chunk) {
    struct malloc_census *c = w->g->c;
    enum malloc_state s = MALLOC_IN_USE;
    for (; w->fast < c->fast.n && c->fast.at[w->fast] <= chunk; w->fast++) {
        if (c->fast.at[w->fast] == chunk)
            s = MALLOC_FAST;
        else
            c->coverage.list_errors++; /* a list led into the middle of something */
    }
    for (; w->tcached < c->tcached.n && c->tcached.at[w->tcached] <= chunk; w->tcached++) {
        if (c->tcached.at[w->tcached] == chunk)
            s = MALLOC_TCACHED;
        else
            c->coverage.list_errors++;
    }
    return s;
}

/* What the program was doing when it made the gaps is told by what it kept between them; not by
 * long stretches, which are older or younger than that. */
static void close_stretch(struct walk *w) {
    if (w->stretch.bytes <= w->stretch.free) {
        w->arena->beside_resident += w->stretch.resident;
        w->arena->beside_large_resident += w->stretch.large;
        w->arena->beside_large_count += w->stretch.large_count;
    }
    memset(&w->stretch, 0, sizeof w->stretch);
}

static void add_free(struct walk *w, uint64_t size, uint64_t resident) {
    if (w->stretch.bytes)
        close_stretch(w);
    w->stretch.free += size;
    w->below_bytes += size;
    w->below_resident += resident;
    if (size < MALLOC_LARGE)
        return;
    w->arena->large_free_resident += resident;
    if (size <= w->g->c->glibc.mmap_threshold)
        w->arena->block_free_resident += resident;
}

static void add_in_use(struct walk *w, uint64_t size, uint64_t resident) {
    w->span->in_use_count++;
    w->span->in_use_bytes += size;
    w->arena->header_bytes += 8;
    w->stretch.bytes += size;
    w->stretch.resident += resident;
    if (size >= MALLOC_LARGE) {
        w->stretch.large += resident;
        w->stretch.large_count++;
    }
}

static void add_chunk(struct walk *w, uint64_t chunk, uint64_t size, bool binned) {
    enum malloc_state s = listed(w, chunk);
    struct malloc_size_class *cls = &w->g->c->classes[malloc_size_class_of(size)];
    if (s == MALLOC_IN_USE && binned)
        s = MALLOC_BINNED;
    uint64_t resident = add_share(w, chunk, chunk + size, s);
    w->last = chunk;
    if (w->wanted < w->g->hints->n_wanted)
        answer_wanted(w, chunk, chunk + size, s);
    if (s == MALLOC_BINNED || s == MALLOC_FAST) {
        cls->free_count++;
        cls->free_bytes += size;
        cls->free_resident += resident;
        add_free(w, size, resident);
        if (size > w->arena->biggest_free) {
            w->arena->biggest_free = size;
            w->arena->biggest_free_resident = resident;
        }
        if (!w->run_start)
            w->run_start = chunk;
        return;
    }
    if (w->run_start)
        close_run(w, chunk);
    add_pin(w, chunk, size, s);
    if (s == MALLOC_TCACHED) {
        cls->tcached_count++;
        cls->tcached_bytes += size;
    } else {
        cls->in_use_count++;
        cls->in_use_bytes += size;
        cls->in_use_resident += resident;
        add_in_use(w, size, resident);
    }
}

static bool size_is_sane(uint64_t size, uint64_t chunk, uint64_t end) {
    return size >= CHUNK_MIN && !(size & 15) && size <= end - chunk;
}

/* A free chunk says its size at its end. While one is being split, its second half may have no
 * header yet, and its end still says where the first half begins. */
static bool ends_split(const struct walk *w, uint64_t lost, uint64_t next, const uint64_t h[2]) {
    return !(h[1] & CHUNK_PREV_INUSE) && (h[0] == next - lost || h[0] == next - w->last);
}

/* True when a few chunks in a row stand at `at`. */
static bool chain_holds(struct walk *w, uint64_t lost, uint64_t at, uint64_t end) {
    for (int n = 0; n < RESYNC_CHAIN; n++) {
        uint64_t h[2];
        if (at == w->top || at == end)
            return true;
        if (at + CHUNK_MIN > end || mem_window_pair(&w->g->window, at, h) < 0 ||
            !size_is_sane(h[1] & ~(uint64_t)CHUNK_FLAGS, at, end) || (h[1] & CHUNK_MMAPPED) ||
            (n == 0 && !(h[1] & CHUNK_PREV_INUSE) && !ends_split(w, lost, at, h)))
            return false;
        at += h[1] & ~(uint64_t)CHUNK_FLAGS;
    }
    return true;
}

/* The next address at which a chain of chunks holds, after one that did not; `end` if none is near.
 * Nearness counts readable bytes: what is swapped out is passed over. */
static uint64_t resync(struct walk *w, uint64_t lost, uint64_t from, uint64_t end) {
    const struct residency *res = w->g->res;
    uint64_t tried = 0, readable_to = 0;
    for (uint64_t at = from; at + CHUNK_MIN <= end && tried < RESYNC_TRIES; at += 16, tried++) {
        if (w->g->budget-- <= 1) {
            w->g->budget = 0;
            break;
        }
        if (at >= readable_to && !page_is_readable(res, at, &readable_to)) {
            size_t run = res ? residency_lower_bound(res, at) : 0;
            if (!res || run == res->n)
                break;
            at = res->at[run].start - 16;
            continue;
        }
        if (chain_holds(w, lost, at, end))
            return at;
    }
    return end;
}

/* After a header that made no sense, or could not be read: where to go on. */
static uint64_t lost(struct walk *w, uint64_t at, uint64_t end, int error) {
    struct malloc_coverage *v = &w->g->c->coverage;
    uint64_t h[2], next = resync(w, at, at + 16, end);
    if (error == -EBADMSG && next < end && mem_window_pair(&w->g->window, next, h) == 0 &&
        ends_split(w, at, next, h)) {
        v->in_flight++;
        add_chunk(w, at, next - at, true);
        return next;
    }
    if (error == -ENODATA)
        v->not_resident++;
    else if (error == -EFAULT)
        v->faults++;
    else
        v->walk_errors++;
    if (w->run_start)
        close_run(w, at);
    add_share(w, at, next, MALLOC_UNWALKED);
    return next;
}

/* Two fenceposts close a heap that cannot grow. In the middle of brk they mean that someone else
 * moved the break: what follows until malloc's next chunk is not malloc's. */
static uint64_t fence(struct walk *w, uint64_t at, uint64_t end) {
    uint64_t close = end - at > 2 * CHUNK_FENCE ? at + 2 * CHUNK_FENCE : end;
    if (w->run_start)
        close_run(w, at);
    if (end - close < PAGE_BYTES) {
        add_share(w, at, end, MALLOC_METADATA);
        return end;
    }
    add_share(w, at, close, MALLOC_METADATA);
    uint64_t next = resync(w, at, close, end);
    add_share(w, close, next, MALLOC_UNWALKED);
    return next;
}

/* What sysmalloc() makes of a thread heap's old top, when a new heap follows: two fenceposts; but
 * where the top had one unit more than they take, that and the first of them are one chunk that
 * looks as if it were in use, were it not said to be of the main arena (2.17 to 2.43). */
static bool is_closed(const struct walk *w, uint64_t at, uint64_t end, uint64_t head) {
    return !w->arena->is_main && end - at == CHUNK_MIN + CHUNK_FENCE &&
           (head & ~(uint64_t)CHUNK_PREV_INUSE) == CHUNK_MIN;
}

static bool is_fence(const struct walk *w, uint64_t at, uint64_t end, uint64_t head) {
    uint64_t size = head & ~(uint64_t)CHUNK_FLAGS;
    return size == CHUNK_FENCE || (size == 0 && end - at <= 2 * CHUNK_FENCE) ||
           is_closed(w, at, end, head);
}

static void take_top(struct walk *w, uint64_t at, uint64_t end) {
    close_stretch(w);
    keep_pins(w);
    trim_top(w, end);
    add_share(w, at, end, MALLOC_TOP);
    answer_wanted(w, at, end, MALLOC_TOP);
}

static void walk_chain(struct walk *w, uint64_t at, uint64_t end) {
    uint64_t h[2], pending = 0; /* a chunk whose state the next header tells */
    while (at < end) {
        int r = at + 16 <= end ? mem_window_pair(&w->g->window, at, h) : -EBADMSG;
        uint64_t size = r < 0 ? 0 : h[1] & ~(uint64_t)CHUNK_FLAGS;
        if (pending) {
            add_chunk(w, pending, at - pending, r == 0 && !(h[1] & CHUNK_PREV_INUSE));
            pending = 0;
        }
        if (at == w->top) {
            w->g->c->coverage.in_flight += size != end - at;
            take_top(w, at, end);
            return;
        }
        if (r == 0 && is_fence(w, at, end, h[1])) {
            at = fence(w, at, end);
        } else if (r < 0 || !size_is_sane(size, at, end) || (h[1] & CHUNK_MMAPPED) ||
                   !w->g->budget) {
            at = lost(w, at, end, r < 0 ? r : -EBADMSG);
        } else {
            w->g->budget--;
            pending = at;
            at += size;
        }
    }
    if (pending) { /* a chain that ends without a fence: not how glibc leaves it */
        w->g->c->coverage.walk_errors++;
        add_chunk(w, pending, at - pending, false);
    }
    if (w->run_start)
        close_run(w, end);
}

static void walk_span(struct glibc *g, size_t i) {
    struct malloc_census *c = g->c;
    struct malloc_span *s = &c->spans.at[i];
    size_t blocks = (s->end - s->start + MALLOC_INDEX_BYTES - 1) / MALLOC_INDEX_BYTES;
    uint64_t first = g->first_chunks.at[i];
    struct walk w = {.g = g,
                     .span = s,
                     .arena_index = s->arena,
                     .arena = &c->arenas.at[s->arena],
                     .next_block = s->start};
    s->n_index = blocks <= LIMIT_HEAP_BLOCKS ? (uint32_t)blocks : 0;
    s->index = mem_alloc(s->n_index * sizeof *s->index + 1);
    res_cursor_seek(&w.resident, g->res, s->start);
    w.trim = w.resident;
    w.fast = u64_lower_bound(c->fast.at, c->fast.n, s->start);
    w.tcached = u64_lower_bound(c->tcached.at, c->tcached.n, s->start);
    w.wanted = u64_lower_bound(g->hints->wanted, g->hints->n_wanted, s->start);
    if (mem_pages_u64(&g->pages, glibc_bins(g, w.arena) + BINS_TOP, &w.top) < 0)
        c->coverage.list_errors++;
    if (first < s->start || first > s->used_end)
        first = s->used_end;
    add_share(&w, s->start, first, MALLOC_METADATA);
    g->window.ahead_to = s->used_end;
    walk_chain(&w, first, s->used_end);
    g->window.ahead_to = 0;
    add_share(&w, s->used_end, s->end, MALLOC_RESERVE);
    s->resident = g->res ? residency_bytes(g->res, s->start, s->end) : 0;
}

void glibc_walk(struct glibc *g) {
    for (size_t i = 0; i < g->c->spans.n; i++)
        if (g->c->spans.at[i].arena >= 0)
            walk_span(g, i);
    if (!g->budget)
        g->c->coverage.truncated = true;
}
