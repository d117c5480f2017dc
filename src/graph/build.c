/* Fills in a graph: blocks of nodes, each told and laid down by one thread, without locks; then
 * marks, and gives the keys of live ephemerons edges to their values. */
#include "base/bits.h"
#include "base/drain.h"
#include "base/parallel.h"
#include "base/search.h"
#include "graph/edges.h"
#include "graph/mark.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { MAX_THREADS = 4 };

struct build {
    const struct graph_source *source;
    struct graph *g;
    size_t next_block; /* not taken yet */
    bool too_big;
    pthread_mutex_t lock; /* of ephemerons, and of the sums in g */
};

static uint32_t *exact_copy(const struct graph_sink *s) {
    uint32_t *to = mem_alloc(s->to.n * sizeof *to);
    if (s->to.n)
        memcpy(to, s->to.at, s->to.n * sizeof *to);
    return to;
}

static void tell_block(struct build *b, size_t block, struct graph_sink *s) {
    struct graph *g = b->g;
    s->first = s->from = (uint32_t)(block << GRAPH_BLOCK_BITS);
    s->end = edges_block_end(g, block);
    s->ends = g->ends + s->first;
    s->to.n = 0;
    b->source->edges(b->source->ctx, s->first, s->end, s);
    if (s->to.n > UINT32_MAX) {
        __atomic_store_n(&b->too_big, true, __ATOMIC_RELAXED);
        s->to.n = 0;
    }
    while (s->from < s->end)
        s->ends[s->from++ - s->first] = (uint32_t)s->to.n;
    g->block[block] = exact_copy(s);
    __atomic_fetch_add(&g->edges, s->to.n, __ATOMIC_RELAXED);
}

static void tell_blocks(void *arg, size_t thread) {
    (void)thread;
    struct build *b = arg;
    struct graph *g = b->g;
    struct graph_sink s = {.nodes = g->nodes};
    for (size_t i; (i = __atomic_fetch_add(&b->next_block, 1, __ATOMIC_RELAXED)) < g->blocks;)
        tell_block(b, i, &s);
    pthread_mutex_lock(&b->lock);
    g->strays += s.strays;
    for (size_t i = 0; i < s.ephemerons.n; i++)
        vec_push(&g->ephemerons, s.ephemerons.at[i]);
    pthread_mutex_unlock(&b->lock);
    vec_free(&s.to);
    vec_free(&s.ephemerons);
}

static void tell_roots(struct build *b) {
    uint32_t nodes = b->g->nodes;
    struct graph_sink s = {.nodes = nodes, .first = nodes, .from = nodes, .end = nodes + 1};
    b->source->roots(b->source->ctx, &s);
    b->g->roots = (struct graph_nodes){s.to.at, s.to.n, s.to.cap};
    b->g->strays += s.strays;
    vec_free(&s.ephemerons);
}

/* ---- marking what was built ---- */

struct reaching {
    const struct graph *g;
    uint64_t *reached;
};

static void soon(void *reaching, uint32_t node) {
    __builtin_prefetch(&((const struct reaching *)reaching)->g->ends[node]);
}

/* Neighbours in a list are often neighbours in memory: those of one word are claimed together. */
static void reach(struct reaching *r, struct graph_list to, struct drain_list *todo) {
    for (uint32_t i = 0; i < to.n;) {
        uint32_t word = to.at[i] / 64;
        uint64_t some = 0;
        for (; i < to.n && to.at[i] / 64 == word; i++)
            some |= 1ull << (to.at[i] % 64);
        for (some = bits_claim_some(&r->reached[word], some); some; some &= some - 1)
            vec_push(todo, word * 64 + (uint32_t)__builtin_ctzll(some));
    }
}

static void reach_from(void *reaching, size_t worker, uint32_t node, struct drain_list *todo) {
    struct reaching *r = reaching;
    (void)worker;
    reach(r, edges_of(r->g, node), todo);
}

uint64_t *graph_reach(const struct graph *g, struct graph_list start, struct graph_list without) {
    struct reaching r = {g, bits_new(g->nodes)};
    struct drain_list first = {0};
    for (uint32_t i = 0; i < without.n; i++)
        bits_set(r.reached, without.at[i]); /* as if followed already */
    reach(&r, start, &first);
    drain(&first,
          &(struct drain_work){.arg = &r, .threads = g->threads, .soon = soon, .one = reach_from});
    vec_free(&first);
    for (uint32_t i = 0; i < without.n; i++)
        bits_clear(r.reached, without.at[i]);
    return r.reached;
}

/* As a source, until ephemerons are edges. */
struct stored {
    const struct graph *g;
    uint64_t *tables; /* set of tables of g->ephemerons */
};

static void stored_roots(void *ctx, struct graph_sink *to) {
    const struct graph *g = ((const struct stored *)ctx)->g;
    for (size_t i = 0; i < g->roots.n; i++)
        graph_root(to, g->roots.at[i]);
}

static size_t first_of_table(const struct graph *g, uint32_t table) {
    return first_where(g->ephemerons.n, i, g->ephemerons.at[i].table >= table);
}

static void stored_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    const struct stored *s = ctx;
    for (uint32_t node = first; node < end; node++) {
        struct graph_list l = edges_of(s->g, node);
        for (uint32_t i = 0; i < l.n; i++)
            graph_edge(to, node, l.at[i]);
        if (!bits_get(s->tables, node))
            continue;
        for (size_t i = first_of_table(s->g, node);
             i < s->g->ephemerons.n && s->g->ephemerons.at[i].table == node; i++)
            graph_ephemeron(to, node, s->g->ephemerons.at[i].key, s->g->ephemerons.at[i].value);
    }
}

static void mark_live(struct graph *g) {
    if (!g->ephemerons.n) {
        g->live = graph_reach(g, (struct graph_list){g->roots.at, (uint32_t)g->roots.n},
                              (struct graph_list){0});
        g->n_live = (uint32_t)bits_count(g->live, g->nodes);
        return;
    }
    struct stored s = {g, bits_new(g->nodes)};
    for (size_t i = 0; i < g->ephemerons.n; i++)
        bits_set(s.tables, g->ephemerons.at[i].table);
    struct graph_source source = {.ctx = &s,
                                  .nodes = g->nodes,
                                  .threads = g->threads,
                                  .roots = stored_roots,
                                  .edges = stored_edges};
    g->live = bits_new(g->nodes);
    g->n_live = graph_mark(&source, g->live, NULL);
    free(s.tables);
}

static void copy_live(struct graph *g, const uint64_t *live) {
    size_t words = g->nodes / 64 + 1ul;
    g->live = mem_alloc(words * sizeof *g->live);
    memcpy(g->live, live, words * sizeof *g->live);
    g->n_live = (uint32_t)bits_count(live, g->nodes);
}

/* ---- ephemerons become edges ---- */

static int by_table(const void *a, const void *b) {
    const struct graph_ephemeron *x = a, *y = b;
    return x->table < y->table ? -1 : x->table > y->table;
}

static int by_key(const void *a, const void *b) {
    const struct graph_ephemeron *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* The block's array anew, the values of e[0..n), sorted by key, behind the edges of their keys. */
static bool widen_block(struct graph *g, size_t block, const struct graph_ephemeron *e, size_t n) {
    uint32_t first = (uint32_t)(block << GRAPH_BLOCK_BITS), end = edges_block_end(g, block);
    uint64_t old_n = g->ends[end - 1], at = 0;
    if (old_n + n > UINT32_MAX)
        return false;
    uint32_t *to = mem_alloc((size_t)(old_n + n) * sizeof *to), begin = 0;
    for (uint32_t node = first; node < end; node++) {
        for (uint32_t i = begin; i < g->ends[node]; i++)
            to[at++] = g->block[block][i];
        for (; n && e->key == node; e++, n--)
            to[at++] = e->value;
        begin = g->ends[node];
        g->ends[node] = (uint32_t)at;
    }
    free(g->block[block]);
    g->block[block] = to;
    g->edges += at - old_n;
    return true;
}

static bool settle_ephemerons(struct graph *g) {
    size_t n = 0;
    for (size_t i = 0; i < g->ephemerons.n; i++)
        if (bits_get(g->live, g->ephemerons.at[i].table) &&
            bits_get(g->live, g->ephemerons.at[i].key))
            g->ephemerons.at[n++] = g->ephemerons.at[i];
    g->ephemerons.n = n;
    vec_sort(&g->ephemerons, by_key);
    bool fits = true;
    for (size_t i = 0, j; i < n; i = j) {
        uint32_t block = g->ephemerons.at[i].key >> GRAPH_BLOCK_BITS;
        for (j = i; j < n && g->ephemerons.at[j].key >> GRAPH_BLOCK_BITS == block;)
            j++;
        fits &= widen_block(g, block, g->ephemerons.at + i, j - i);
    }
    vec_free(&g->ephemerons);
    return fits;
}

int graph_build(const struct graph_source *source, struct graph **ret, struct err *e) {
    if (source->nodes > GRAPH_NODES_MAX)
        return err_set(e, -E2BIG, "", "a graph of %u nodes is over the %u that can be numbered",
                       source->nodes, GRAPH_NODES_MAX);
    struct graph *g = mem_zalloc(sizeof *g);
    g->nodes = source->nodes;
    g->threads = source->threads ? source->threads : MAX_THREADS;
    g->blocks = ((size_t)g->nodes + GRAPH_BLOCK - 1) >> GRAPH_BLOCK_BITS;
    g->block = mem_zalloc(g->blocks * sizeof(*g->block));
    g->ends = mem_alloc_random(g->nodes * sizeof(*g->ends));
    struct build b = {.source = source, .g = g};
    pthread_mutex_init(&b.lock, NULL);
    tell_roots(&b);
    parallel_for(g->threads, tell_blocks, &b);
    pthread_mutex_destroy(&b.lock);
    vec_sort(&g->ephemerons, by_table);
    if (!b.too_big) {
        if (source->live)
            copy_live(g, source->live);
        else
            mark_live(g);
        b.too_big = !settle_ephemerons(g);
    }
    if (b.too_big) {
        graph_free(g);
        return err_set(e, -E2BIG, "", "65,536 neighbouring nodes have over 4,294,967,295 edges");
    }
    *ret = g;
    return 0;
}
