#include "collect/heap_graph.h"

#include "base/bits.h"
#include "base/search.h"
#include "image/elf_file.h"
#include "v8/heap.h"
#include "v8/nodes.h"
#include "v8/roots.h"

struct context {
    const struct v8_view *view;
    const struct heap_outside *outside;
    enum heap_keeps keeps;
    uint64_t *read_only; /* a set of nodes */
    struct graph *graph; /* once it is built */
};

static void tell_roots(void *ctx, struct graph_sink *to) {
    const struct context *c = ctx;
    const struct v8_root_list *roots = c->view->roots;
    size_t n;
    for (size_t i = 0; i < roots->list.n; i++)
        if (V8_STRONG_ROOTS >> roots->list.at[i].kind & 1)
            graph_root(to, roots->list.at[i].node);
    const uint32_t *maps = v8_nodes_retained_maps(c->view->nodes, &n);
    for (size_t i = 0; i < n; i++)
        if (bits_get(c->view->live, maps[i]))
            graph_root(to, maps[i]);
    for (uint32_t node = 0; node < to->nodes && c->keeps != HEAP_KEEPS_ALL; node++)
        if (bits_get(c->read_only, node) && bits_get(c->view->live, node))
            graph_root(to, node);
}

/* The first of the table's entries; they are sorted by table. */
static size_t first_ephemeron(const struct v8_ephemeron *e, size_t n, uint32_t table) {
    return first_where(n, i, e[i].table >= table);
}

static void tell_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    const struct context *c = ctx;
    size_t n, n_ephemerons;
    const struct v8_ephemeron *e = v8_nodes_ephemerons(c->view->nodes, &n_ephemerons);
    for (uint32_t node = first; node < end; node++) {
        const uint32_t *refs = v8_node_refs(c->view->nodes, node, &n);
        for (size_t i = 0; i < n; i++)
            if (!(refs[i] & V8_REF_WEAK) &&
                (c->keeps == HEAP_KEEPS_ALL || !bits_get(c->read_only, refs[i])))
                graph_edge(to, node, refs[i]);
    }
    for (size_t i = first_ephemeron(e, n_ephemerons, first); i < n_ephemerons && e[i].table < end;
         i++)
        graph_ephemeron(to, e[i].table, e[i].key, e[i].value);
}

/* What is read-only is all isolates' and never freed: nobody retains it. V8's snapshots have it
 * with a size of 0, too, from version 13 on. */
static uint64_t *find_read_only(const struct v8_view *view) {
    const struct v8_pages *pages = &view->heap->pages;
    uint64_t *set = bits_new(v8_nodes_count(view->nodes));
    for (size_t i = 0; i < pages->list.n; i++) {
        uint32_t node, end;
        if (pages->list.at[i].space != V8_READ_ONLY)
            continue;
        v8_nodes_of_page(view->nodes, i, &node, &end);
        for (; node < end; node++)
            bits_set(set, node);
    }
    return set;
}

static void weigh(void *ctx, uint32_t first, uint32_t end, uint64_t *ret) {
    const struct context *c = ctx;
    for (uint32_t node = first; node < end; node++)
        ret[node - first] = bits_get(c->read_only, node) ? 0 : v8_node_bytes(c->view->nodes, node);
    size_t i = heap_outside_from(c->outside, first);
    for (; i < c->outside->list.n && c->outside->list.at[i].node < end; i++)
        ret[c->outside->list.at[i].node - first] += c->outside->list.at[i].bytes;
}

static void let_go(void *ctx) {
    const struct context *c = ctx;
    if (c->keeps == HEAP_KEEPS_MAPS)
        graph_drop_edges(c->graph);
}

int heap_graph_build(const struct v8_view *view, enum heap_keeps keeps,
                     const struct heap_outside *outside, struct graph_list globals,
                     struct heap_graph *ret, struct err *e) {
    struct heap_graph g = {0};
    struct context c = {
        .view = view, .outside = outside, .keeps = keeps, .read_only = find_read_only(view)};
    struct graph_source source = {.ctx = &c,
                                  .nodes = v8_nodes_count(view->nodes),
                                  .live = view->live,
                                  .roots = tell_roots,
                                  .edges = tell_edges};
    struct graph_weights weights = {
        .ctx = &c, .sizes = weigh, .user_roots = globals, .dominated = let_go};
    if (view->l->elf)
        elf_file_let_go(view->l->elf); /* the symbols of Node: some 20 MB */
    int r = graph_build(&source, &g.graph, e);
    c.graph = g.graph;
    if (r == 0 && keeps != HEAP_KEEPS_ALL)
        v8_nodes_keep_maps(view->nodes);
    if (r == 0)
        r = graph_tree_build(g.graph, &weights, &g.tree, e);
    free(c.read_only);
    if (r < 0) {
        heap_graph_done(&g);
        return r;
    }
    *ret = g;
    return 0;
}

void heap_graph_done(struct heap_graph *g) {
    graph_tree_free(g->tree);
    graph_free(g->graph);
    *g = (struct heap_graph){0};
}
