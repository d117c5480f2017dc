/* How a graph keeps its edges; for the folder's own. */
#ifndef MEMWHY_GRAPH_EDGES_H
#define MEMWHY_GRAPH_EDGES_H

#include "graph/graph.h"

/* Nodes whose lists lie in one array, in one unit of parallel work. */
#define GRAPH_BLOCK_BITS 16
#define GRAPH_BLOCK (1u << GRAPH_BLOCK_BITS)

struct graph {
    uint32_t nodes;
    unsigned threads;
    uint32_t *ends;   /* where a node's list ends in the array of its block */
    uint32_t **block; /* nodes / GRAPH_BLOCK arrays: offsets stay 32 bits whatever the whole is */
    size_t blocks;
    struct graph_nodes roots;
    uint64_t edges, strays;
    uint64_t *live;
    uint32_t n_live;
    /* Until it is known which tables live. Sorted by table. */
    VEC(struct graph_ephemeron) ephemerons;
};

static inline uint32_t edges_begin(const struct graph *g, uint32_t node) {
    return node % GRAPH_BLOCK ? g->ends[node - 1] : 0;
}

/* graph_successors() of a node that is not the root. */
static inline struct graph_list edges_of(const struct graph *g, uint32_t node) {
    uint32_t begin = edges_begin(g, node);
    return (struct graph_list){g->block[node >> GRAPH_BLOCK_BITS] + begin, g->ends[node] - begin};
}

static inline uint32_t edges_block_end(const struct graph *g, size_t block) {
    uint64_t end = (block + 1ull) << GRAPH_BLOCK_BITS;
    return end < g->nodes ? (uint32_t)end : g->nodes;
}

#endif
