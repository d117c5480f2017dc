/* A histogram: nodes counted by class, as DevTools' Summary does. */
#ifndef MEMWHY_GRAPH_CLASSES_H
#define MEMWHY_GRAPH_CLASSES_H

#include "graph/tree.h"

struct graph_class {
    uint64_t count;    /* live nodes */
    uint64_t shallow;  /* bytes of them */
    uint64_t retained; /* bytes that would go with all of them: each counts that no other of the
                          same class dominates */
};

/* Adds to ret[0 .. classes). `class_of` gives a node's class, below `classes`; GRAPH_NONE leaves it
 * out. It is called once per live node, from one thread, in the tree's order. */
void graph_classes(const struct graph_tree *t, uint32_t classes,
                   uint32_t (*class_of)(void *ctx, uint32_t node), void *ctx,
                   struct graph_class *ret);

#endif
