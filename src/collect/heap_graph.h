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

/* What is needed of references once the graph is there. The less, the less memory it takes. */
enum heap_keeps {
    HEAP_KEEPS_ALL,   /* those of nodes, weak ones too, and the graph's edges */
    HEAP_KEEPS_EDGES, /* the graph's edges but those to what is read-only; of nodes their maps */
    HEAP_KEEPS_MAPS,  /* of nodes their maps; the graph may be asked for its tree and what lives */
};

/* Edges are what keeps objects alive; a node weighs itself and what it holds outside the heap, what
 * is read-only nothing; `globals` as user_roots of struct graph_weights. Unless all is kept,
 * read-only objects hang on the root, and nobody counts as keeping them: they are never freed.
 * While the view lasts; what was made outlives it. -E2BIG as graph_build. */
int heap_graph_build(const struct v8_view *view, enum heap_keeps keeps,
                     const struct heap_outside *outside, struct graph_list globals,
                     struct heap_graph *ret, struct err *e);
void heap_graph_done(struct heap_graph *g);

#endif
