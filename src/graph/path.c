#include "graph/path.h"

#include "base/bits.h"
#include "graph/edges.h"
#include <errno.h>
#include <string.h>

uint32_t *graph_distances(const struct graph *g) {
    size_t bytes = (g->nodes + 1ul) * sizeof(uint32_t);
    uint32_t *distance = mem_alloc_random(bytes);
    memset(distance, 0xff, bytes); /* GRAPH_NONE */
    uint32_t *queue = mem_alloc((g->n_live + 1ul) * sizeof *queue);
    size_t n = 0;
    distance[g->nodes] = 0;
    queue[n++] = g->nodes;
    for (size_t i = 0; i < n; i++) {
        struct graph_list l = graph_successors(g, queue[i]);
        for (uint32_t k = 0; k < l.n; k++)
            if (distance[l.at[k]] == GRAPH_NONE) {
                distance[l.at[k]] = distance[queue[i]] + 1;
                queue[n++] = l.at[k];
            }
    }
    free(queue);
    return distance;
}

/* ---- paths ---- */

/* A node come upon, breadth first. */
struct visit {
    uint32_t node, from; /* from: index of the visit it was seen from */
};

struct ways {
    const struct graph *g;
    uint64_t *referrers, *seen; /* sets, the root in them */
    VEC(struct visit) visits;
    struct graph_paths *ret;
};

/* The way to visit `i`, and from there to `node`. */
static void take_way(struct ways *w, size_t i, uint32_t node) {
    size_t begin = w->ret->nodes.n;
    vec_push(&w->ret->nodes, node);
    for (; i; i = w->visits.at[i].from)
        vec_push(&w->ret->nodes, w->visits.at[i].node);
    for (size_t a = begin, b = w->ret->nodes.n; a + 1 < b; a++) {
        uint32_t swap = w->ret->nodes.at[--b];
        w->ret->nodes.at[b] = w->ret->nodes.at[a];
        w->ret->nodes.at[a] = swap;
    }
    vec_push(&w->ret->ends, (uint32_t)w->ret->nodes.n);
}

static void find_ways(struct ways *w, uint32_t node, size_t most) {
    uint32_t root = w->g->nodes;
    bits_set(w->seen, node); /* never gone through */
    bits_set(w->seen, root);
    vec_push(&w->visits, (struct visit){root, 0});
    for (size_t i = 0, found = 0; i < w->visits.n && found < most; i++) {
        if (bits_get(w->referrers, w->visits.at[i].node)) {
            take_way(w, i, node);
            found++;
        }
        struct graph_list l = graph_successors(w->g, w->visits.at[i].node);
        for (uint32_t k = 0; k < l.n; k++)
            if (!bits_get(w->seen, l.at[k])) {
                bits_set(w->seen, l.at[k]);
                vec_push(&w->visits, (struct visit){l.at[k], (uint32_t)i});
            }
    }
}

int graph_paths(const struct graph *g, uint32_t node, size_t most, struct graph_paths *ret) {
    if (node >= g->nodes || !graph_is_live(g, node))
        return -ENODATA;
    struct graph_nodes referrers = {0};
    graph_predecessors(g, node, &referrers);
    struct ways w = {.g = g, .ret = ret};
    w.referrers = bits_new(g->nodes + 1ull);
    w.seen = bits_new(g->nodes + 1ull);
    for (size_t i = 0; i < referrers.n; i++)
        bits_set(w.referrers, referrers.at[i]);
    find_ways(&w, node, most);
    vec_free(&referrers);
    vec_free(&w.visits);
    free(w.referrers);
    free(w.seen);
    return 0;
}

void graph_paths_done(struct graph_paths *p) {
    vec_free(&p->nodes);
    vec_free(&p->ends);
}
