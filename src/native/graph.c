#include "native/graph.h"

#include "base/bits.h"
#include "base/bytes.h"
#include "base/parallel.h"
#include "malloc/reader.h"
#include "native/word.h"
#include <errno.h>
#include <string.h>

enum { READ_BYTES = 64 << 10 };

struct builder {
    const struct image *img;
    struct native_graph *g;
    uint64_t *rooted; /* set of pieces */
};

/* ---- what a word may mean ---- */

/* The chunk a word refers to; CHUNK_NONE. */
static inline uint32_t meant(const struct native_graph *g, uint64_t word) {
    if (word < LIMIT_USER_ADDR)
        return chunk_map_find(&g->map, word);
    uint64_t number = word_smi(word);
    uint32_t i = number ? chunk_map_at(&g->map, number) : CHUNK_NONE;
    number = i == CHUNK_NONE ? word_double(word) : 0;
    if (number)
        i = chunk_map_at(&g->map, number);
    if (i != CHUNK_NONE)
        return i;
    uint64_t plain = word_demangled(g->roots.guard, word);
    return plain < LIMIT_USER_ADDR ? chunk_map_find(&g->map, plain) : CHUNK_NONE;
}

/* ---- roots ---- */

static void root(struct builder *b, uint32_t piece, uint64_t word, uint64_t place) {
    if (piece == CHUNK_NONE)
        return;
    bits_claim(b->rooted, piece);
    if (!b->g->places)
        return;
    if (word != chunk_memory(&b->g->map.pieces[piece]))
        place |= NATIVE_INSIDE;
    uint64_t *least = &b->g->places[piece], old = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (place < old && !__atomic_compare_exchange_n(least, &old, place, true, __ATOMIC_RELAXED,
                                                       __ATOMIC_RELAXED))
        ;
}

static void scan_words(struct builder *b, const uint8_t *bytes, size_t n, uint64_t place) {
    for (size_t i = 0; i + 8 <= n; i += 8)
        root(b, meant(b->g, u64_at(bytes, i)), u64_at(bytes, i), place + i);
}

/* V8 makes `mov r32, imm32` of addresses below 4 GiB, as in the heap of a program that is not
 * position-independent. */
static void scan_code(struct builder *b, const uint8_t *bytes, size_t n, uint64_t place) {
    enum { MOV = 0xb8, REGISTERS = 7 };
    for (size_t i = 0; i + 8 <= n; i++) {
        uint64_t word = u64_at(bytes, i);
        if (word < LIMIT_USER_ADDR)
            root(b, chunk_map_find(&b->g->map, word), word, place + i);
        if ((bytes[i] & ~REGISTERS) == MOV)
            root(b, chunk_map_at(&b->g->map, (uint32_t)(word >> 8)), 0, place + i);
    }
}

static void scan_range(void *arg, size_t i) {
    struct builder *b = arg;
    const struct root_range *r = &b->g->roots.list.at[i];
    uint8_t buf[READ_BYTES];
    for (uint64_t at = r->start, next; at < r->end; at = next) {
        size_t want = r->end - at < sizeof buf ? (size_t)(r->end - at) : sizeof buf;
        size_t n = image_read_prefix(b->img, at, buf, want) & ~(size_t)7;
        if (!n) {
            next = (at & ~(PAGE_BYTES - 1)) + PAGE_BYTES;
            uint64_t lost = (next < r->end ? next : r->end) - at;
            __atomic_fetch_add(&b->g->unread_bytes, lost, __ATOMIC_RELAXED);
            continue;
        }
        if (r->code)
            scan_code(b, buf, n, native_place(r->kind, at));
        else
            scan_words(b, buf, n, native_place(r->kind, at));
        next = at + n;
        if (r->code && next < r->end)
            next -= 8; /* what lies across */
    }
}

static void tell_roots(void *ctx, struct graph_sink *to) {
    struct builder *b = ctx;
    for (uint32_t i = 0; i < b->g->map.n; i++)
        if (bits_get(b->rooted, i))
            graph_root(to, i);
}

/* ---- chunks ---- */

/* The next address that may be in memory. */
static uint64_t next_resident(const struct residency *res, uint64_t addr) {
    size_t i = res ? residency_lower_bound(res, addr) : 0;
    if (!res)
        return addr;
    if (i == res->n)
        return UINT64_MAX;
    return res->at[i].start > addr ? res->at[i].start : addr;
}

static void tell_words(struct builder *b, uint32_t piece, const uint8_t *bytes, size_t n,
                       struct graph_sink *to) {
    uint32_t last = piece;
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint32_t target = meant(b->g, u64_at(bytes, i));
        if (target != CHUNK_NONE && target != last)
            graph_edge(to, piece, target);
        if (target != CHUNK_NONE)
            last = target;
    }
}

static void tell_chunk(struct builder *b, struct mem_window *w, uint32_t piece,
                       struct graph_sink *to) {
    const struct residency *res = image_residency(b->img);
    uint64_t at = chunk_memory(&b->g->map.pieces[piece]);
    uint64_t end = chunk_memory_end(&b->g->map, piece);
    while ((at = next_resident(res, at)) < end) {
        bool inside = at >= w->addr && at - w->addr + 8 <= w->len;
        if (!inside && mem_window_fill(w, at) < 0) {
            uint64_t next = (at & ~(PAGE_BYTES - 1)) + PAGE_BYTES;
            __atomic_fetch_add(&b->g->unread_bytes, (next < end ? next : end) - at,
                               __ATOMIC_RELAXED);
            at = next;
            continue;
        }
        size_t n = w->len - (size_t)(at - w->addr);
        if (n > end - at)
            n = (size_t)(end - at);
        if (n < 8)
            return;
        tell_words(b, piece, w->buf + (at - w->addr), n, to);
        at += n & ~(size_t)7;
    }
}

static void tell_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    struct builder *b = ctx;
    struct mem_window w;
    mem_window_init(&w, b->img);
    for (uint32_t i = first; i < end; i++)
        if (b->g->map.pieces[i].state == MALLOC_IN_USE)
            tell_chunk(b, &w, i, to);
    mem_window_done(&w);
}

int native_graph_build(const struct image *img, const struct malloc_census *c, bool places,
                       struct native_graph *ret, struct err *e) {
    struct builder b = {.img = img, .g = ret};
    *ret = (struct native_graph){0};
    int r = chunk_map_init(&ret->map, c);
    if (r < 0)
        return err_set(e, r, "", "the heap has %zu chunks, more than can be numbered", c->pieces.n);
    native_roots_find(img, c, &ret->roots);
    b.rooted = bits_new(ret->map.n);
    if (places) {
        ret->places = mem_alloc(ret->map.n * sizeof *ret->places + 1);
        memset(ret->places, 0xff, ret->map.n * sizeof *ret->places); /* NATIVE_NOWHERE */
    }
    for (size_t i = 0; i < ret->roots.words.n; i++)
        root(&b, meant(ret, ret->roots.words.at[i]), 0, native_place(ROOT_STACK, 0));
    parallel_for(ret->roots.list.n, scan_range, &b);
    struct graph_source source = {
        .ctx = &b, .nodes = ret->map.n, .roots = tell_roots, .edges = tell_edges};
    r = graph_build(&source, &ret->graph, e);
    free(b.rooted);
    if (r < 0)
        native_graph_done(ret);
    return r;
}

void native_graph_done(struct native_graph *g) {
    graph_free(g->graph);
    native_roots_done(&g->roots);
    chunk_map_done(&g->map);
    free(g->places);
    *g = (struct native_graph){0};
}
