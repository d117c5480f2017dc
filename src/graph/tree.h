/* The dominator tree: x dominates y when every path from the root to y leads through x, so that
 * all x dominates would go with it. What x retains is the bytes of x and of all it dominates.
 *
 * The tree lies in memory in preorder, so that what a node dominates is a range, and whatever is
 * asked of one node takes a few steps. A node that is not live is not in it: it counts 0, retains
 * 0, and its dominator is GRAPH_NONE. */
#ifndef MEMWHY_GRAPH_TREE_H
#define MEMWHY_GRAPH_TREE_H

#include "graph/graph.h"

struct graph_tree;

struct graph_weights {
    void *ctx;
    /* Set ret[0 .. end - first) to the bytes of nodes first to end - 1, live or not: its own and
     * those outside the heap that go with it. Called from several threads, ranges do not overlap.
     * A size that brings the whole to 2^48 is taken for nonsense, and as 0.
     * NULL: every node weighs 1. */
    void (*sizes)(void *ctx, uint32_t first, uint32_t end, uint64_t *ret);
    /* As DevTools has it: what these lead to belongs to the program, and what of the runtime's own
     * refers to it, the other roots included, does not retain it. Such are V8's global objects.
     * They count as roots; those that are not live are left out. None: every edge retains. */
    struct graph_list user_roots;
    /* Called once edges are not looked at any more, for who wants to drop them (graph_drop_edges)
     * before the tree takes their room. May be NULL. */
    void (*dominated)(void *ctx);
    /* The set (base/bits.h) of what belongs to the program, where the caller knows that these lead
     * to more than by edges of the graph; NULL: what they lead to. */
    const uint64_t *owned;
};

/* -E2BIG: over 2^32 edges into one node. The graph must outlive the tree. */
int graph_tree_build(const struct graph *g, const struct graph_weights *w, struct graph_tree **ret,
                     struct err *e);
void graph_tree_free(struct graph_tree *t);
uint64_t graph_tree_bytes(const struct graph_tree *t); /* memory it takes, the graph not counted */

/* The node's nearest dominator, maybe the root's id; GRAPH_NONE for the root itself. */
uint32_t graph_tree_dominator(const struct graph_tree *t, uint32_t node);
/* Also when they are the same. */
bool graph_tree_dominates(const struct graph_tree *t, uint32_t above, uint32_t node);
/* Bytes as weighed, of the node alone, and with all it dominates; and how many nodes those are. */
uint64_t graph_tree_shallow(const struct graph_tree *t, uint32_t node);
uint64_t graph_tree_retained(const struct graph_tree *t, uint32_t node);
uint32_t graph_tree_count(const struct graph_tree *t, uint32_t node);

/* The `most` that retain most, largest first, equal ones ascending: of those that `node` dominates
 * with none between, or of all but the root. Add to `ret`. */
void graph_tree_children(const struct graph_tree *t, uint32_t node, size_t most,
                         struct graph_nodes *ret);
void graph_tree_largest(const struct graph_tree *t, size_t most, struct graph_nodes *ret);

/* For walking it, parents before children. Positions are 0 (the root) to graph_live_count();
 * position p dominates those from p to before graph_tree_end(t, p); its first child is p + 1, the
 * next begins where that ends. */
uint32_t graph_tree_node(const struct graph_tree *t, uint32_t position);
uint32_t graph_tree_end(const struct graph_tree *t, uint32_t position);
/* Of a node; GRAPH_NONE when it is not live. */
uint32_t graph_tree_position(const struct graph_tree *t, uint32_t node);

#endif
