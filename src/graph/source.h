/* How a graph is told. Whoever knows the heap fills in a struct graph_source; marking and building
 * call it. The same source serves both: marking asks for one node at a time and keeps no edges,
 * building asks for ranges and keeps them all.
 *
 *     static void tell_edges(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to) {
 *         for (uint32_t node = first; node < end; node++)
 *             for (each strong reference of object number `node`)
 *                 graph_edge(to, node, number_of(reference));
 *     }
 *
 * Nodes are numbered 0 to nodes - 1 without gaps (by rank of their address, say). One more, the
 * root, is made up: its id is `nodes`, and what is told by graph_root() hangs on it. Groups of
 * roots
 * ("handles", "stacks") are ordinary nodes of the caller's, numbered behind the objects.
 *
 * A reference that keeps nothing alive (weak) is simply not told. Names of edges are the caller's:
 * it reads the object again when it needs to say how one refers to the other. */
#ifndef MEMWHY_GRAPH_SOURCE_H
#define MEMWHY_GRAPH_SOURCE_H

#include "base/vec.h"
#include <stdint.h>

#define GRAPH_NONE UINT32_MAX             /* no node */
#define GRAPH_NODES_MAX (UINT32_MAX - 2u) /* the root and GRAPH_NONE are ids too */

struct graph_sink;

struct graph_source {
    void *ctx;
    uint32_t nodes;
    unsigned threads; /* at most so many call at once; 0: as many as there are processors */
    /* What can be reached (base/bits.h), for building a graph without marking it where that is
     * known. NULL: it is not. */
    const uint64_t *live;
    /* Tell every root, by graph_root(). Called once. */
    void (*roots)(void *ctx, struct graph_sink *to);
    /* Tell the edges out of nodes first to end - 1, ascending by where they begin, by graph_edge()
     * and graph_ephemeron(). Called from several threads, with ranges that do not overlap. */
    void (*edges)(void *ctx, uint32_t first, uint32_t end, struct graph_sink *to);
};

/* `value` lives when both the table and the key do: an entry of a WeakMap. */
struct graph_ephemeron {
    uint32_t table, key, value;
};

/* What is told. Only the functions below look inside. */
struct graph_sink {
    uint32_t nodes;      /* of the source */
    uint32_t first, end; /* may speak */
    uint32_t from;       /* speaks: lists of those before it are complete */
    uint32_t *ends;      /* where the list of node first + i ends in `to` */
    VEC(uint32_t) to;
    VEC(struct graph_ephemeron) ephemerons;
    uint64_t strays;
};

/* From `from` to `to`, as often as it is there; an edge of a node to itself is fine. Ids that
 * cannot be are left out and counted: graph_strays(). */
static inline void graph_edge(struct graph_sink *s, uint32_t from, uint32_t to) {
    if (to >= s->nodes || from < s->from || from >= s->end) {
        s->strays++;
        return;
    }
    while (s->from < from)
        s->ends[s->from++ - s->first] = (uint32_t)s->to.n;
    vec_push(&s->to, to);
}

static inline void graph_root(struct graph_sink *s, uint32_t to) {
    graph_edge(s, s->nodes, to);
}

/* Told by the table, when its edges are asked for; the table's strong edges as usual. */
static inline void graph_ephemeron(struct graph_sink *s, uint32_t table, uint32_t key,
                                   uint32_t value) {
    if (key >= s->nodes || value >= s->nodes || table < s->first || table >= s->end)
        s->strays++;
    else
        vec_push(&s->ephemerons, (struct graph_ephemeron){table, key, value});
}

#endif
