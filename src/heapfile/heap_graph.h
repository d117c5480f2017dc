/* What keeps what, in a heap file: src/graph with the rules of DevTools, so that retained sizes and
 * distances are those that it shows (computeIsEssentialEdge(), markPageOwnedNodes() and
 * calculateDistances() of its HeapSnapshot.ts).
 *
 * The file's root is the graph's: no node of it. Weak edges keep nothing, shortcuts lead where
 * other edges lead too, a WeakMap's value is its key's; what is held by the program (all that its
 * global objects lead to) counts as held by that alone. Sizes are the file's own; DevTools of our
 * days adds an array's or a hidden object's to its only owner, which changes no owner's retained
 * size. */
#ifndef MEMWHY_HEAPFILE_HEAP_GRAPH_H
#define MEMWHY_HEAPFILE_HEAP_GRAPH_H

#include "base/progress.h"
#include "graph/tree.h"
#include "heapfile/heapfile.h"

struct heapfile_graph {
    const struct heapfile *f;
    struct graph *graph;
    struct graph_tree *tree;
    uint64_t bytes;            /* of all nodes */
    uint64_t *odd;             /* set: nodes some of whose edges are left out of the graph, or count
                                  for one thing and not for another */
    uint64_t *ephemerals;      /* set of strings: names of f->ephemerons; NULL: there are none */
    struct graph_list orphans; /* while it is built: told as roots */
    bool failed;               /* edges could not be read again */
};

/* `f` must outlive it. -EIO: what the temporary file held cannot be read again. */
int heapfile_graph_build(const struct heapfile *f, struct progress *p, struct heapfile_graph *ret,
                         struct err *e);
void heapfile_graph_done(struct heapfile_graph *g);

/* Bytes that would go with it; of the root all, of one in a ring that nothing refers to its own. */
uint64_t heapfile_retained(const struct heapfile_graph *g, uint32_t node);
/* Its immediate dominator, maybe the root; GRAPH_NONE for the root, and for such a ring. */
uint32_t heapfile_dominator(const struct heapfile_graph *g, uint32_t node);

/* The pair that an edge is of; NULL: none. */
const struct heapfile_ephemeron *heapfile_ephemeron_of(const struct heapfile_graph *g,
                                                       const struct heapfile_edge *e);

/* --- the shortest way to every node --- */

/* What the program's own objects (those at the root that are no group of V8's) lead to has a
 * distance of the steps from the root; all else HEAPFILE_SYSTEM more. */
#define HEAPFILE_SYSTEM 100000000u

struct heapfile_ways {
    uint32_t root;
    uint32_t *from;   /* by node: the one before it; GRAPH_NONE: nothing leads there */
    uint64_t *system; /* set: of a way through V8's own roots */
};
int heapfile_ways_find(const struct heapfile_graph *g, struct progress *p,
                       struct heapfile_ways *ret, struct err *e);
void heapfile_ways_done(struct heapfile_ways *w);
/* GRAPH_NONE: nothing leads there. Takes as many steps as it is. */
uint32_t heapfile_distance(const struct heapfile_ways *w, uint32_t node);

#endif
