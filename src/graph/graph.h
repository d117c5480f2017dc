/* A graph that is kept: every edge, what lives, who refers to whom. Knows no runtime.
 *
 *     struct graph_source heap = {.ctx = h, .nodes = n, .roots = tell_roots, .edges = tell_edges};
 *     struct graph *g;
 *     if (graph_build(&heap, &g, e) < 0) ...
 *     graph_is_live(g, node)                       garbage or not          graph/graph.h
 *     struct graph_tree *t = graph_tree_new(g, &sizes);
 *     graph_tree_retained(t, node)                 dominators, retained    graph/tree.h
 *     graph_paths(g, node, 3, &paths)              why it lives            graph/path.h
 *     graph_classes(t, ...)                        histogram               graph/classes.h
 *     graph_tree_free(t), graph_free(g)
 *
 * To know only what lives, graph/mark.h does without keeping edges. All of it is worklists: the
 * shape of a heap costs time linear in its edges (or nearly so) and no stack.
 *
 * Memory: 4 bytes an edge and 4 a node; the tree 22 more per live node. */
#ifndef MEMWHY_GRAPH_GRAPH_H
#define MEMWHY_GRAPH_GRAPH_H

#include "base/err.h"
#include "graph/source.h"
#include <stdbool.h>
#include <stddef.h>

struct graph;

/* A part of the graph's own memory; valid as long as the graph. */
struct graph_list {
    const uint32_t *at;
    uint32_t n;
};

/* Some nodes; vec_free() it. */
struct graph_nodes {
    uint32_t *at;
    size_t n, cap;
};

/* Asks the source for everything, once, from several threads, then marks. -E2BIG: more nodes than
 * GRAPH_NODES_MAX, or over 2^32 edges out of 65,536 neighbours. The source is not used afterwards.
 */
int graph_build(const struct graph_source *source, struct graph **ret, struct err *e);
void graph_free(struct graph *g);

uint32_t graph_node_count(const struct graph *g); /* without the root */
uint32_t graph_root_id(const struct graph *g);    /* the same number */
uint64_t graph_edge_count(const struct graph *g); /* with those of the root */
uint32_t graph_live_count(const struct graph *g); /* without the root */
uint64_t graph_strays(const struct graph *g);     /* told with ids that cannot be, left out */
uint64_t graph_bytes(const struct graph *g);      /* memory it takes */

bool graph_is_live(const struct graph *g, uint32_t node);
/* The set of live nodes (base/bits.h), the graph's own. */
const uint64_t *graph_live(const struct graph *g);

/* Where its edges lead, in the order told; the root's are the roots. A key of live ephemerons leads
 * to their values, behind its own edges, as in V8's snapshots; the table does not. */
struct graph_list graph_successors(const struct graph *g, uint32_t node);

/* Forget all edges but those of the root, most of the memory: only the tree, and what lives, can be
 * asked for after that. */
void graph_drop_edges(struct graph *g);

/* Who refers to it, ascending, each once, live or not; the root's id is last. Adds to `ret`. Reads
 * all edges: some 10 ms per 10 million. */
void graph_predecessors(const struct graph *g, uint32_t node, struct graph_nodes *ret);

/* The set (base/bits.h; the caller frees it) of all that can be reached from the nodes `start`,
 * themselves included, without going through any of `without`. What several nodes retain together
 * is what lives and is not reached from the roots without them: graph_reach(g, graph_successors(g,
 * graph_root_id(g)), them)  */
uint64_t *graph_reach(const struct graph *g, struct graph_list start, struct graph_list without);

#endif
