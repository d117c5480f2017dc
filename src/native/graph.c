#include "native/graph.h"

#include "base/bits.h"
#include "base/bytes.h"
#include "base/parallel.h"
#include "malloc/reader.h"
#include "native/word.h"
#include <errno.h>
#include <string.h>

enum { READ_BYTES = 64 << 10 };
enum { SEEK_AHEAD = 16 };

/* ---- what a word may mean ---- */

/* The chunk a word refers to; CHUNK_NONE. */
static uint32_t meant(const struct native_graph *g, uint64_t word) {
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

/* ---- words that may mean something ---- */

/* A few of them wait until what is known of the places they refer to has come into the cache. */
struct seeker {
    const struct native_graph *g;
    struct word_sieve sieve;
    void (*found)(void *ctx, uint64_t from, uint32_t piece, uint64_t word);
    void *ctx;
    struct sought {
        uint64_t word, from;
        const struct chunk_block *block; /* NULL: it is no address of small chunks */
    } waiting[SEEK_AHEAD];
    size_t n;
    const struct chunk_unit *unit; /* found last: mostly, the next is the same; NULL: none yet */
};

static void seek_one(struct seeker *s, size_t i) {
    const struct sought *x = &s->waiting[i % SEEK_AHEAD];
    uint32_t piece = x->block ? chunk_block_find(x->block, x->word) : meant(s->g, x->word);
    if (piece != CHUNK_NONE)
        s->found(s->ctx, x->from, piece, x->word);
}

static void seek(struct seeker *s, uint64_t word, uint64_t from) {
    const struct chunk_map *map = &s->g->map;
    struct sought x = {word, from, NULL};
    if (chunk_map_spans(map, word)) {
        if (!s->unit || s->unit->key != chunk_unit_key(word))
            s->unit = chunk_map_unit(map, word);
        if (!s->unit)
            return;
        if (s->unit->blocks)
            __builtin_prefetch(x.block = chunk_unit_block(s->unit, word));
    }
    if (s->n >= SEEK_AHEAD)
        seek_one(s, s->n);
    s->waiting[s->n++ % SEEK_AHEAD] = x;
}

/* `from` tells found() which word it was; it goes up by `step` from word to word. */
static void seek_words(struct seeker *s, const uint8_t *bytes, size_t n, uint64_t from,
                       uint64_t step) {
    for (size_t i = 0; i + 8 <= n; i += 8, from += step) {
        uint64_t word = u64_at(bytes, i);
        if (word_passes(&s->sieve, word))
            seek(s, word, from);
    }
}

/* The rest of those that wait. */
static void seek_end(struct seeker *s) {
    for (size_t i = s->n > SEEK_AHEAD ? s->n - SEEK_AHEAD : 0; i < s->n; i++)
        seek_one(s, i);
    s->n = 0;
}

/* ---- roots ---- */

struct builder {
    const struct image *img;
    struct native_graph *g;
    struct word_sieve sieve;
    uint64_t *rooted; /* set of pieces */
};

/* `word` is 0 where the address was taken out of code. */
static void root(void *builder, uint64_t place, uint32_t piece, uint64_t word) {
    struct builder *b = builder;
    uint64_t memory = chunk_memory(&b->g->map.pieces[piece]);
    bits_claim(b->rooted, piece);
    if (word < LIMIT_USER_ADDR)
        bits_claim(b->g->addressed, piece);
    else if (word_smi(word) == memory || word_double(word) == memory)
        bits_claim(b->g->numbered, piece);
    if (!b->g->places)
        return;
    if (word != memory)
        place |= NATIVE_INSIDE;
    uint64_t *least = &b->g->places[piece], old = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (place < old && !__atomic_compare_exchange_n(least, &old, place, true, __ATOMIC_RELAXED,
                                                       __ATOMIC_RELAXED))
        ;
}

static void root_if(struct builder *b, uint64_t place, uint32_t piece, uint64_t word) {
    if (piece != CHUNK_NONE)
        root(b, place, piece, word);
}

/* V8 makes `mov r32, imm32` of addresses below 4 GiB, as in the heap of a program that is not
 * position-independent. */
static void scan_code(struct builder *b, const uint8_t *bytes, size_t n, uint64_t place) {
    enum { MOV = 0xb8, REGISTERS = 7 };
    for (size_t i = 0; i + 8 <= n; i++) {
        uint64_t word = u64_at(bytes, i);
        if (word < LIMIT_USER_ADDR)
            root_if(b, place + i, chunk_map_find(&b->g->map, word), word);
        if ((bytes[i] & ~REGISTERS) == MOV)
            root_if(b, place + i, chunk_map_at(&b->g->map, (uint32_t)(word >> 8)), 0);
    }
}

static void scan_range(void *arg, size_t i) {
    struct builder *b = arg;
    const struct root_range *r = &b->g->roots.list.at[i];
    struct seeker s = {.g = b->g, .sieve = b->sieve, .found = root, .ctx = b};
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
            seek_words(&s, buf, n, native_place(r->kind, at), 8);
        next = at + n;
        if (r->code && next < r->end)
            next -= 8; /* what lies across */
    }
    seek_end(&s);
}

static void tell_roots(void *ctx, struct graph_sink *to) {
    struct builder *b = ctx;
    uint64_t n = b->g->map.n;
    for (uint64_t i = 0; (i = bits_next(b->rooted, i, n, true)) < n; i++)
        graph_root(to, (uint32_t)i);
}

/* ---- chunks ---- */

/* One thread that reads chunks in ascending order. */
struct teller {
    struct builder *b;
    struct mem_window window;
    struct seeker seeker;
    struct graph_sink *to;
    const struct residency *res;
    size_t run; /* of it: no earlier one matters any more */
    uint32_t from, last;
};

/* Neighbouring words that refer to the same chunk are one reference. */
static void edge(void *teller, uint64_t from, uint32_t piece, uint64_t word) {
    struct teller *t = teller;
    (void)word;
    if (from != t->from)
        t->from = t->last = (uint32_t)from;
    if (piece != t->last)
        graph_edge(t->to, t->from, piece);
    t->last = piece;
}

/* The next address that may be in memory. */
static uint64_t next_resident(struct teller *t, uint64_t addr) {
    if (!t->res)
        return addr;
    while (t->run < t->res->n && t->res->at[t->run].end <= addr)
        t->run++;
    if (t->run == t->res->n)
        return UINT64_MAX;
    return t->res->at[t->run].start > addr ? t->res->at[t->run].start : addr;
}

static void tell_chunk(struct teller *t, uint32_t piece) {
    struct builder *b = t->b;
    struct mem_window *w = &t->window;
    uint64_t at = chunk_memory(&b->g->map.pieces[piece]);
    uint64_t end = chunk_memory_end(&b->g->map, piece);
    while ((at = next_resident(t, at)) < end) {
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
        seek_words(&t->seeker, w->buf + (at - w->addr), n, piece, 0);
        at += n & ~(size_t)7;
    }
}

static void tell_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    struct builder *b = ctx;
    const struct malloc_piece *pieces = b->g->map.pieces;
    struct teller t = {.b = b, .to = to, .res = image_residency(b->img), .from = UINT32_MAX};
    t.seeker = (struct seeker){.g = b->g, .sieve = b->sieve, .found = edge, .ctx = &t};
    t.run = t.res ? residency_lower_bound(t.res, pieces[first].addr) : 0;
    uint64_t count = 0, bytes = 0;
    mem_window_init(&t.window, b->img);
    for (uint32_t i = first; i < end; i++) {
        if (pieces[i].state != MALLOC_IN_USE)
            continue;
        count++;
        bytes += pieces[i].size;
        tell_chunk(&t, i);
    }
    seek_end(&t.seeker);
    mem_window_done(&t.window);
    __atomic_fetch_add(&b->g->in_use_count, count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&b->g->in_use_bytes, bytes, __ATOMIC_RELAXED);
}

int native_graph_build(const struct image *img, const struct malloc_census *c, bool places,
                       struct native_graph *ret, struct err *e) {
    struct builder b = {.img = img, .g = ret};
    *ret = (struct native_graph){0};
    int r = chunk_map_init(&ret->map, c);
    if (r < 0)
        return err_set(e, r, "", "the heap has %zu chunks, more than can be numbered", c->pieces.n);
    native_roots_find(img, c, &ret->roots);
    b.sieve = word_sieve(ret->map.low, ret->map.high, ret->roots.guard);
    b.rooted = bits_new(ret->map.n);
    ret->addressed = bits_new(ret->map.n);
    ret->numbered = bits_new(ret->map.n);
    if (places) {
        ret->places = mem_alloc(ret->map.n * sizeof *ret->places + 1);
        memset(ret->places, 0xff, ret->map.n * sizeof *ret->places); /* NATIVE_NOWHERE */
    }
    for (size_t i = 0; i < ret->roots.words.n; i++)
        root_if(&b, native_place(ROOT_STACK, 0), meant(ret, ret->roots.words.at[i]), 0);
    parallel_for(ret->roots.list.n, scan_range, &b);
    struct graph_source source = {
        .ctx = &b, .nodes = ret->map.n, .roots = tell_roots, .edges = tell_edges};
    r = graph_build(&source, &ret->graph, e);
    free(b.rooted);
    if (r < 0)
        native_graph_done(ret);
    return r;
}

/* ---- what only other forms of an address reach ---- */

/* What the roots of one set reach. */
static uint64_t *reach_from(const struct native_graph *g, const uint64_t *set) {
    struct graph_list roots = graph_successors(g->graph, graph_root_id(g->graph));
    struct graph_nodes from = {0};
    for (uint32_t i = 0; i < roots.n; i++)
        if (bits_get(set, roots.at[i]))
            vec_push(&from, roots.at[i]);
    uint64_t *reached = graph_reach(g->graph, (struct graph_list){from.at, (uint32_t)from.n},
                                    (struct graph_list){0});
    vec_free(&from);
    return reached;
}

void native_graph_by_form(const struct native_graph *g, struct native_by_form *ret) {
    struct graph_list roots = graph_successors(g->graph, graph_root_id(g->graph));
    bool all = true;
    for (uint32_t i = 0; i < roots.n && all; i++)
        all = bits_get(g->addressed, roots.at[i]);
    *ret = (struct native_by_form){0};
    if (all)
        return;
    const uint64_t *live = graph_live(g->graph);
    uint64_t *plain = reach_from(g, g->addressed);
    ret->number = reach_from(g, g->numbered);
    ret->mangled = bits_new(g->map.n);
    for (size_t i = 0; i <= g->map.n / 64; i++) {
        ret->mangled[i] = live[i] & ~plain[i] & ~ret->number[i];
        ret->number[i] &= ~plain[i];
    }
    free(plain);
}

void native_graph_done(struct native_graph *g) {
    graph_free(g->graph);
    native_roots_done(&g->roots);
    chunk_map_done(&g->map);
    free(g->places);
    free(g->addressed);
    free(g->numbered);
    *g = (struct native_graph){0};
}
