/* V8's heap as a graph: objects are nodes, by the numbers V8's half gave them. */
#ifndef MEMWHY_COLLECT_HEAP_GRAPH_H
#define MEMWHY_COLLECT_HEAP_GRAPH_H

#include "collect/heap_outside.h"
#include "graph/tree.h"
#include "v8/v8.h"

struct heap_graph {
    struct graph *graph;
    struct graph_tree *tree;
};

/* Edges are what keeps objects alive; a node weighs itself and what it holds outside the heap;
 * `globals` as user_roots of struct graph_weights. While the view lasts; what was made outlives it.
 * -E2BIG as graph_build. */
int heap_graph_build(const struct v8_view *view, bool keep_maps, const struct heap_outside *outside,
                     struct graph_list globals, struct heap_graph *ret, struct err *e);
void heap_graph_done(struct heap_graph *g);

#endif
