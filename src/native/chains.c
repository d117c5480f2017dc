#include "native/chains.h"

#include "base/bytes.h"
#include "base/parallel.h"
#include "native/graph.h"
#include "v8/heap.h"
#include <pthread.h>
#include <string.h>

struct queue {
    VEC(uint32_t) pieces;
};

/* ---- what V8's objects hold ---- */

struct found {
    uint32_t piece;
    uint64_t at;
};

struct objects {
    struct chains *c;
    pthread_mutex_t lock;
    VEC(struct found) list;
};

static void search_heap(void *objects, size_t i) {
    enum { READ_BYTES = 64 << 10 };
    struct objects *o = objects;
    const struct root_range *r = &o->c->g->roots.list.at[i];
    const struct whole *w = places_whole(o->c->places);
    uint8_t buf[READ_BYTES];
    const struct v8_range *pages = w->ev->v8.pages.at;
    size_t page = first_where(w->ev->v8.pages.n, k, pages[k].end > r->start);
    if (page == w->ev->v8.pages.n || pages[page].start >= r->end)
        return;
    for (uint64_t at = r->start; at < r->end; at += sizeof buf) {
        size_t want = r->end - at < sizeof buf ? (size_t)(r->end - at) : sizeof buf;
        size_t n = image_read_prefix(w->img, at, buf, want);
        for (size_t k = 0; k + 8 <= n; k += 8) {
            uint32_t piece = chunk_map_at(&o->c->g->map, u64_at(buf, k));
            if (piece == CHUNK_NONE)
                continue;
            pthread_mutex_lock(&o->lock);
            vec_push(&o->list, (struct found){piece, at + k});
            pthread_mutex_unlock(&o->lock);
        }
    }
}

static int by_at(const void *x, const void *y) {
    const struct found *a = x, *b = y;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Which live objects refer to where a chunk begins: the first by address of each chunk. */
static void find_objects(struct chains *c) {
    struct objects o = {.c = c};
    uint64_t before;
    pthread_mutex_init(&o.lock, NULL);
    parallel_for(c->g->roots.list.n, search_heap, &o);
    pthread_mutex_destroy(&o.lock);
    vec_sort(&o.list, by_at);
    for (size_t i = 0; i < o.list.n; i++) {
        const struct found *f = &o.list.at[i];
        if (map64_get(&c->by_object, f->piece + 1ull, &before))
            continue;
        struct place at = places_find(c->places, f->at);
        if (at.kind == PLACE_OBJECT && !at.dead)
            map64_put(&c->by_object, f->piece + 1ull, f->at);
    }
    vec_free(&o.list);
}

/* ---- ways ---- */

/* What the order of a root's place (native_place()) says of the way: 0 is sure. */
static void begin(struct chains *c, struct queue *q, uint32_t piece, uint64_t doubt) {
    if (c->from[piece] != CHUNK_NONE)
        return;
    c->from[piece] = piece;
    c->length[piece] = 1;
    c->doubt[piece] = (uint8_t)doubt;
    vec_push(&q->pieces, piece);
}

static void follow(struct chains *c, struct queue *q, size_t from) {
    for (; from < q->pieces.n; from++) {
        uint32_t i = q->pieces.at[from];
        struct graph_list to = graph_successors(c->g->graph, i);
        for (uint32_t k = 0; k < to.n; k++) {
            uint32_t next = to.at[k];
            if (c->from[next] != CHUNK_NONE)
                continue;
            c->from[next] = i;
            c->length[next] = c->length[i] + 1;
            c->doubt[next] = c->doubt[i];
            vec_push(&q->pieces, next);
        }
    }
}

static void find_ways(struct chains *c) {
    struct queue q = {0};
    uint32_t n = c->g->map.n;
    for (uint64_t doubt = 0; doubt < NATIVE_PLACE_ORDERS; doubt++) {
        size_t from = q.pieces.n;
        uint64_t at;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t place = c->g->places[i];
            if ((doubt == 0 && map64_get(&c->by_object, i + 1ull, &at)) ||
                (place != NATIVE_NOWHERE && place >> NATIVE_PLACE_BITS == doubt))
                begin(c, &q, i, doubt);
        }
        follow(c, &q, from);
    }
    vec_free(&q.pieces);
}

int chains_new(struct places *p, struct chains *ret, struct err *e) {
    const struct whole *w = places_whole(p);
    *ret = (struct chains){.places = p, .g = mem_zalloc(sizeof *ret->g)};
    int r = native_graph_build(w->img, &w->ev->malloc, true, ret->g, e);
    if (r < 0) {
        free(ret->g);
        return r;
    }
    size_t n = ret->g->map.n + 1;
    ret->from = mem_alloc(n * sizeof *ret->from);
    memset(ret->from, 0xff, n * sizeof *ret->from); /* CHUNK_NONE */
    ret->length = mem_zalloc(n * sizeof *ret->length);
    ret->doubt = mem_zalloc(n);
    if (places_heap(p))
        find_objects(ret);
    find_ways(ret);
    return 0;
}

void chains_done(struct chains *c) {
    if (c->g)
        native_graph_done(c->g);
    free(c->g);
    map64_done(&c->by_object);
    free(c->from);
    free(c->length);
    free(c->doubt);
    *c = (struct chains){0};
}

uint8_t chains_doubt(const struct keeper *h) {
    enum { INSIDE = NATIVE_INSIDE >> NATIVE_PLACE_BITS };
    enum root_kind kind = h->kind == PLACE_OBJECT || h->kind == PLACE_DATA      ? ROOT_DATA
                          : h->kind == PLACE_STACK || h->kind == PLACE_REGISTER ? ROOT_STACK
                                                                                : ROOT_OTHER;
    bool is_sure = h->word.how == POINTER_BEGIN || h->is_owner;
    return (uint8_t)(kind + (is_sure ? 0 : INSIDE));
}

uint64_t chains_word(const struct chains *c, uint32_t from, uint32_t to) {
    const struct chunk_map *m = &c->g->map;
    struct pointer_target target = {chunk_memory(&m->pieces[to]), chunk_memory_end(m, to),
                                    c->g->roots.guard};
    uint64_t end = chunk_memory_end(m, from);
    uint8_t buf[4096];
    struct pointer found;
    for (uint64_t at = chunk_memory(&m->pieces[from]); at < end; at += sizeof buf) {
        size_t want = end - at < sizeof buf ? (size_t)(end - at) : sizeof buf;
        size_t n = image_read_prefix(places_whole(c->places)->img, at, buf, want);
        for (size_t i = 0; i + 8 <= n; i += 8)
            if (pointer_means(&target, u64_at(buf, i), &found))
                return at + i;
    }
    return 0;
}

uint64_t chains_root(const struct chains *c, uint32_t piece) {
    uint64_t at;
    if (c->doubt[piece] == 0 && map64_get(&c->by_object, piece + 1ull, &at))
        return at;
    return c->g->places[piece] & ((1ull << NATIVE_PLACE_BITS) - 1);
}
