/* Immediate dominators; for the folder's own. Nodes are numbered in the order a depth-first search
 * comes upon them, the root 0: a dominator's number is below those it dominates. */
#ifndef MEMWHY_GRAPH_DOMINATORS_H
#define MEMWHY_GRAPH_DOMINATORS_H

#include "graph/graph.h"

struct dominators {
    uint32_t n;       /* numbers given: the live nodes and the root */
    uint32_t *number; /* of a node, the root's id included; GRAPH_NONE: not live */
    uint32_t *idom;   /* the number of a number's immediate dominator; the root's own is 0 */
};

/* `owned`, if not NULL, is a set of nodes that edges from outside it do not count for, those of the
 * root either: all that is reached from `user_roots`, which are live and become its successors.
 * -E2BIG: over 2^32 edges into one node. The caller frees both arrays. Peak memory: 18 bytes per
 * live node (more where over half as many edges lead to one node: 4 for each), and 8 per step of
 * the search's deepest path. */
int dominators_find(const struct graph *g, const uint64_t *owned, struct graph_list user_roots,
                    struct dominators *ret);

#endif
