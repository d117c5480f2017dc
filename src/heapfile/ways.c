/* The shortest way to every node, breadth first, as DevTools counts distances: first all that the
 * program's own roots lead to, then the rest. */
#include "heapfile/heap_graph.h"

#include "base/bits.h"
#include "base/map64.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    const struct heapfile_graph *g;
    struct heapfile_ways *w;
    uint32_t *queue;
    size_t n;
    struct map64 pairs;   /* ephemerons seen once: pair -> 1 */
    struct map64 indices; /* string + 1 -> the number it begins with + 1 */
    struct heapfile_edges edges;
    bool failed;
};

static void reach(struct walk *k, uint32_t from, uint32_t node) {
    if (k->w->from[node] != GRAPH_NONE)
        return;
    k->w->from[node] = from;
    k->queue[k->n++] = node;
}

/* The number that an edge's name begins with; UINT32_MAX: with none. */
static uint32_t index_of(struct walk *k, const struct heapfile_edge *e) {
    uint64_t known;
    if (!heapfile_edge_is_named(e))
        return e->name;
    if (map64_get(&k->indices, e->name + 1ull, &known))
        return (uint32_t)(known - 1);
    cleanup_free char *text = heapfile_string(k->g->f, e->name);
    uint32_t index = *text >= '0' && *text <= '9' ? (uint32_t)strtoul(text, NULL, 10) : UINT32_MAX;
    map64_put(&k->indices, e->name + 1ull, index + 1ull);
    return index;
}

/* Descriptors are shared by maps of which some have fewer, so what they lead to is not counted; an
 * ephemeron's value is as far as the later of table and key. */
static bool counts(struct walk *k, uint32_t from, const struct heapfile_edge *e) {
    const struct heapfile *f = k->g->f;
    uint64_t known;
    if (e->kind == HEAPFILE_WEAK)
        return false;
    if (f->kind[from] == HEAPFILE_HIDDEN && f->name[from] == f->known[HEAPFILE_NATIVE_CONTEXT] &&
        heapfile_edge_is_named(e) && e->name == f->known[HEAPFILE_SLOPPY_FUNCTION_MAP])
        return false;
    if (f->kind[from] == HEAPFILE_ARRAY && f->name[from] == f->known[HEAPFILE_MAP_DESCRIPTORS]) {
        uint32_t index = index_of(k, e);
        return index == UINT32_MAX || index < 2 || index % 3 != 1;
    }
    const struct heapfile_ephemeron *x = heapfile_ephemeron_of(k->g, e);
    if (!x || !x->pair)
        return true;
    if (map64_get(&k->pairs, x->pair, &known) && known) {
        map64_put(&k->pairs, x->pair, 0);
        return true;
    }
    map64_put(&k->pairs, x->pair, 1);
    return false;
}

static bool is_filtered(const struct walk *k, uint32_t node) {
    const struct heapfile *f = k->g->f;
    return node == f->root || bits_get(k->g->odd, node) ||
           (f->kind[node] == HEAPFILE_ARRAY &&
            f->name[node] == f->known[HEAPFILE_MAP_DESCRIPTORS]) ||
           (f->kind[node] == HEAPFILE_HIDDEN && f->name[node] == f->known[HEAPFILE_NATIVE_CONTEXT]);
}

static void go_on_from(struct walk *k, uint32_t node) {
    const struct heapfile *f = k->g->f;
    if (!is_filtered(k, node)) {
        struct graph_list l = graph_successors(k->g->graph, node);
        for (uint32_t i = 0; i < l.n; i++)
            reach(k, node, l.at[i]);
        return;
    }
    k->failed |= heapfile_edges(f, node, node + 1, &k->edges) < 0;
    for (size_t i = 0; i < k->edges.list.n; i++) {
        const struct heapfile_edge *e = &k->edges.list.at[i];
        if (k->w->from[e->to] == GRAPH_NONE && counts(k, node, e))
            reach(k, node, e->to);
    }
}

static void go_on(struct walk *k, size_t from, struct progress *p) {
    enum { EVERY = 1 << 18 };
    for (size_t i = from; i < k->n; i++) {
        if (i % EVERY == 0)
            progress_say(p, "finding ways", i, k->g->f->nodes);
        go_on_from(k, k->queue[i]);
    }
}

/* Objects at the root, not V8's groups of roots, but Chrome's documents. */
static void begin_with_users(struct walk *k) {
    const struct heapfile *f = k->g->f;
    k->failed |= heapfile_edges(f, f->root, f->root + 1, &k->edges) < 0;
    for (size_t i = 0; i < k->edges.list.n; i++) {
        uint32_t to = k->edges.list.at[i].to;
        if (f->kind[to] != HEAPFILE_SYNTHETIC ||
            heapfile_string_is(f, f->name[to], "(Document DOM trees)"))
            reach(k, f->root, to);
    }
}

static void walk_all(struct walk *k, struct progress *p) {
    const struct heapfile *f = k->g->f;
    k->w->from[f->root] = f->root; /* no way leads through it before its turn */
    begin_with_users(k);
    go_on(k, 0, p);
    for (size_t i = 0; i < k->n; i++)
        bits_clear(k->w->system, k->queue[i]);
    size_t users = k->n;
    k->queue[k->n++] = f->root;
    go_on(k, users, p);
    if (!users)
        memset(k->w->system, 0, (f->nodes / 64 + 1ull) * sizeof *k->w->system);
}

int heapfile_ways_find(const struct heapfile_graph *g, struct progress *p,
                       struct heapfile_ways *ret, struct err *e) {
    const struct heapfile *f = g->f;
    struct heapfile_ways w = {.root = f->root};
    struct walk k = {.g = g, .w = &w};
    w.from = mem_alloc_random((f->nodes + 1ull) * sizeof *w.from);
    memset(w.from, 0xff, (f->nodes + 1ull) * sizeof *w.from); /* GRAPH_NONE */
    w.system = bits_new(f->nodes);
    memset(w.system, 0xff, (f->nodes / 64 + 1ull) * sizeof *w.system);
    k.queue = mem_alloc((f->nodes + 1ull) * sizeof *k.queue);
    walk_all(&k, p);
    free(k.queue);
    map64_done(&k.pairs);
    map64_done(&k.indices);
    vec_free(&k.edges.list);
    if (k.failed) {
        heapfile_ways_done(&w);
        return err_set(e, -EIO, "", "what was put aside of the file cannot be read again");
    }
    *ret = w;
    return 0;
}

void heapfile_ways_done(struct heapfile_ways *w) {
    free(w->from);
    free(w->system);
    *w = (struct heapfile_ways){0};
}

uint32_t heapfile_distance(const struct heapfile_ways *w, uint32_t node) {
    uint32_t steps = 0;
    if (w->from[node] == GRAPH_NONE)
        return GRAPH_NONE;
    uint32_t system = bits_get(w->system, node) ? HEAPFILE_SYSTEM : 0;
    for (; node != w->root; node = w->from[node])
        steps++;
    return steps + system;
}
