#include "graph/graph.h"

#include "base/bits.h"
#include "base/parallel.h"
#include "graph/edges.h"

void graph_drop_edges(struct graph *g) {
    for (size_t b = 0; g->block && b < g->blocks; b++)
        free(g->block[b]);
    free(g->block);
    free(g->ends);
    g->block = NULL;
    g->ends = NULL;
    mem_trim();
}

void graph_free(struct graph *g) {
    if (!g)
        return;
    graph_drop_edges(g);
    vec_free(&g->roots);
    vec_free(&g->ephemerons);
    free(g->live);
    free(g);
}

uint32_t graph_node_count(const struct graph *g) {
    return g->nodes;
}

uint32_t graph_root_id(const struct graph *g) {
    return g->nodes;
}

uint64_t graph_edge_count(const struct graph *g) {
    return g->edges + g->roots.n;
}

uint32_t graph_live_count(const struct graph *g) {
    return g->n_live;
}

uint64_t graph_strays(const struct graph *g) {
    return g->strays;
}

uint64_t graph_bytes(const struct graph *g) {
    return sizeof *g + (g->edges + g->nodes + g->roots.n) * sizeof(uint32_t) +
           g->blocks * sizeof *g->block + g->nodes / 8;
}

bool graph_is_live(const struct graph *g, uint32_t node) {
    return node == g->nodes || bits_get(g->live, node);
}

const uint64_t *graph_live(const struct graph *g) {
    return g->live;
}

struct graph_list graph_successors(const struct graph *g, uint32_t node) {
    if (node == g->nodes)
        return (struct graph_list){g->roots.at, (uint32_t)g->roots.n};
    return edges_of(g, node);
}

/* ---- who refers to a node ---- */

struct referrers {
    const struct graph *g;
    uint32_t node;
    struct graph_nodes *found; /* per block */
};

static void find_in_block(void *arg, size_t block) {
    struct referrers *r = arg;
    const struct graph *g = r->g;
    uint32_t end = edges_block_end(g, block), from = (uint32_t)(block << GRAPH_BLOCK_BITS);
    for (uint32_t i = 0; i < g->ends[end - 1]; i++) {
        if (g->block[block][i] != r->node)
            continue;
        while (g->ends[from] <= i)
            from++;
        vec_push(&r->found[block], from);
        i = g->ends[from] - 1; /* once is enough */
    }
}

void graph_predecessors(const struct graph *g, uint32_t node, struct graph_nodes *ret) {
    struct referrers r = {g, node, mem_zalloc(g->blocks * sizeof *r.found)};
    parallel_for(g->blocks, find_in_block, &r);
    for (size_t b = 0; b < g->blocks; b++) {
        for (size_t i = 0; i < r.found[b].n; i++)
            vec_push(ret, r.found[b].at[i]);
        vec_free(&r.found[b]);
    }
    free(r.found);
    for (size_t i = 0; i < g->roots.n; i++)
        if (g->roots.at[i] == node) {
            vec_push(ret, g->nodes);
            return;
        }
}
