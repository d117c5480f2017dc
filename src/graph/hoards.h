/* Where the dominator tree fans out, ends in something large, or runs on and on: collections, large
 * nodes, chains. Eclipse MAT's accumulation points, and what they miss. */
#ifndef MEMWHY_GRAPH_HOARDS_H
#define MEMWHY_GRAPH_HOARDS_H

#include "graph/tree.h"

enum { GRAPH_PERIOD_MAX = 8 /* classes that take turns in a chain */ };

enum graph_hoard_kind {
    GRAPH_COLLECTION, /* dominates many, most of it in those of one class, none of them most */
    GRAPH_LARGE,      /* is large itself */
    GRAPH_CHAIN,      /* the first of many nodes, each of which holds hardly more than the next */
};

struct graph_hoard {
    enum graph_hoard_kind kind;
    uint32_t node;
    /* Of a collection: the class, how many of it, bytes that they retain. Of a chain: how many
     * links, and bytes that the node retains. */
    uint32_t class;
    uint64_t count, bytes;
    size_t period; /* of a chain: classes that take turns, a link each */
    uint32_t classes[GRAPH_PERIOD_MAX];
};

struct graph_hoards {
    VEC(struct graph_hoard) list;
};

/* Those that retain at least `least` bytes, below the root, a way down after the other, from above;
 * they may hold one another. vec_free() the list. */
void graph_hoards_find(const struct graph_tree *t, uint64_t least,
                       uint32_t (*class_of)(void *ctx, uint32_t node), void *ctx,
                       struct graph_hoards *ret);

#endif
