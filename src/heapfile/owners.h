/* Whose a node is, by the rules of DevTools (markPageOwnedNodes() of its HeapSnapshot.ts); for the
 * folder's own. */
#ifndef MEMWHY_HEAPFILE_OWNERS_H
#define MEMWHY_HEAPFILE_OWNERS_H

#include "heapfile/heap_graph.h"

struct owners {
    uint64_t *owned; /* set: the program's, all that its globals lead to; NULL: there are none */
    /* What the root holds of the program's: globals, what else hangs on the root, and what nothing
     * that counts leads to. */
    struct graph_nodes tops;
    /* What is not live in the graph, and nothing refers to. */
    struct graph_nodes orphans;
};

/* `g` has its graph, not its tree. -EIO: edges cannot be read again. */
int owners_find(const struct heapfile_graph *g, struct owners *ret);
void owners_done(struct owners *o);

#endif
