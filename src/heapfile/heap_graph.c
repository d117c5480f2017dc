#include "heapfile/heap_graph.h"

#include "base/bits.h"
#include "base/search.h"
#include "heapfile/owners.h"
#include <errno.h>
#include <stdlib.h>

const struct heapfile_ephemeron *heapfile_ephemeron_of(const struct heapfile_graph *g,
                                                       const struct heapfile_edge *e) {
    const struct heapfile *f = g->f;
    if (e->kind != HEAPFILE_INTERNAL || !g->ephemerals || !bits_get(g->ephemerals, e->name))
        return NULL;
    size_t i = first_where(f->ephemerons.n, k, f->ephemerons.at[k].string >= e->name);
    return &f->ephemerons.at[i];
}

/* --- what is told --- */

/* Keeps what it leads to alive, and alone. The root's shortcuts lead to the program's globals. */
static bool is_essential(const struct heapfile_graph *g, uint32_t from,
                         const struct heapfile_edge *e) {
    const struct heapfile_ephemeron *x = heapfile_ephemeron_of(g, e);
    return e->kind != HEAPFILE_WEAK && (e->kind != HEAPFILE_SHORTCUT || from == g->f->root) &&
           (!x || x->table_id != g->f->id[from]) && e->to != from;
}

static void tell_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
    struct heapfile_graph *g = ctx;
    struct heapfile_edges edges = {0};
    if (heapfile_edges(g->f, first, end, &edges) < 0) {
        __atomic_store_n(&g->failed, true, __ATOMIC_RELAXED);
        return;
    }
    const struct heapfile_edge *e = edges.list.at;
    for (uint32_t node = first; node < end; node++) {
        bool odd = false;
        for (uint32_t n = g->f->first_edge[node + 1] - g->f->first_edge[node]; n; n--, e++) {
            if (node == g->f->root)
                continue;
            if (is_essential(g, node, e))
                graph_edge(to, node, e->to);
            else
                odd = odd || (e->kind != HEAPFILE_WEAK && e->to != node);
            odd = odd || heapfile_ephemeron_of(g, e);
        }
        if (odd)
            bits_set(g->odd, node); /* ranges of different threads begin at multiples of 64 */
    }
    vec_free(&edges.list);
}

static void tell_roots(void *ctx, struct graph_sink *to) {
    struct heapfile_graph *g = ctx;
    struct heapfile_edges edges = {0};
    if (heapfile_edges(g->f, g->f->root, g->f->root + 1, &edges) < 0)
        g->failed = true;
    for (size_t i = 0; i < edges.list.n; i++)
        if (is_essential(g, g->f->root, &edges.list.at[i]))
            graph_root(to, edges.list.at[i].to);
    for (size_t i = 0; i < g->orphans.n; i++)
        graph_root(to, g->orphans.at[i]);
    vec_free(&edges.list);
}

static void tell_sizes(void *ctx, uint32_t first, uint32_t end, uint64_t *ret) {
    const struct heapfile_graph *g = ctx;
    for (uint32_t node = first; node < end; node++)
        ret[node - first] = heapfile_size(g->f, node);
}

/* --- building --- */

static int cannot_read_again(struct err *e) {
    return err_set(e, -EIO, "", "what was put aside of the file cannot be read again");
}

static int connect(struct heapfile_graph *g, struct err *e) {
    struct graph_source source = {
        .ctx = g, .nodes = g->f->nodes, .roots = tell_roots, .edges = tell_edges};
    int r = graph_build(&source, &g->graph, e);
    return r == 0 && g->failed ? cannot_read_again(e) : r;
}

/* V8 lists some that nothing refers to, of no size and with no edges, for which the graph need not
 * be built again. */
static bool matter(const struct heapfile_graph *g, struct graph_nodes orphans) {
    bool some = false;
    for (size_t i = 0; i < orphans.n && !some; i++)
        some =
            heapfile_size(g->f, orphans.at[i]) || graph_successors(g->graph, orphans.at[i]).n != 0;
    return some;
}

static int build_tree(struct heapfile_graph *g, const struct owners *o, struct err *e) {
    struct graph_weights weights = {.ctx = g,
                                    .sizes = tell_sizes,
                                    .user_roots = {o->tops.at, (uint32_t)o->tops.n},
                                    .owned = o->owned};
    return graph_tree_build(g->graph, &weights, &g->tree, e);
}

static int build(struct heapfile_graph *g, struct progress *p, struct err *e) {
    struct owners o = {0};
    progress_say(p, "connecting the objects", 0, 0);
    int r = connect(g, e);
    if (r == 0 && owners_find(g, &o) < 0)
        r = cannot_read_again(e);
    if (r == 0 && matter(g, o.orphans)) {
        graph_free(g->graph);
        g->graph = NULL;
        g->orphans = (struct graph_list){o.orphans.at, (uint32_t)o.orphans.n};
        r = connect(g, e);
        g->orphans = (struct graph_list){0};
    }
    progress_say(p, "finding what holds what", 0, 0);
    if (r == 0)
        r = build_tree(g, &o, e);
    owners_done(&o);
    return r;
}

int heapfile_graph_build(const struct heapfile *f, struct progress *p, struct heapfile_graph *ret,
                         struct err *e) {
    struct heapfile_graph g = {.f = f, .odd = bits_new(f->nodes)};
    for (uint32_t node = 0; node < f->nodes; node++)
        g.bytes += heapfile_size(f, node);
    if (f->ephemerons.n)
        g.ephemerals = bits_new(f->strings);
    for (size_t i = 0; i < f->ephemerons.n; i++)
        bits_set(g.ephemerals, f->ephemerons.at[i].string);
    int r = build(&g, p, e);
    if (r < 0) {
        heapfile_graph_done(&g);
        return r;
    }
    *ret = g;
    return 0;
}

void heapfile_graph_done(struct heapfile_graph *g) {
    graph_tree_free(g->tree);
    graph_free(g->graph);
    free(g->odd);
    free(g->ephemerals);
    *g = (struct heapfile_graph){0};
}

uint64_t heapfile_retained(const struct heapfile_graph *g, uint32_t node) {
    if (node == g->f->root)
        return g->bytes;
    return graph_tree_position(g->tree, node) == GRAPH_NONE ? heapfile_size(g->f, node)
                                                            : graph_tree_retained(g->tree, node);
}

uint32_t heapfile_dominator(const struct heapfile_graph *g, uint32_t node) {
    uint32_t d = node == g->f->root ? GRAPH_NONE : graph_tree_dominator(g->tree, node);
    return d == graph_root_id(g->graph) ? g->f->root : d;
}
