/* Finding holders on a heap, wherever that comes from: a process, a file. For
 * src/growth/holder_*.c and heap_summary.c alone. */
#ifndef MEMWHY_GROWTH_HOLDER_SEARCH_H
#define MEMWHY_GROWTH_HOLDER_SEARCH_H

#include "graph/tree.h"
#include "growth/holders.h"

/* What of a node decides what it may be. */
enum holder_shape {
    SHAPE_NONE,
    SHAPE_ARRAY,
    SHAPE_TABLE,
    SHAPE_OBJECT,
    SHAPE_CONTEXT,
    SHAPE_LINK, /* promises, cons strings: held by their like */
    SHAPE_LARGE,
};

/* A node that may be a holder. */
struct holder_place {
    uint32_t node, position;
    enum holder_kind kind;
    uint32_t key;   /* of HOLDER_LINKED: what its objects have in common */
    uint32_t class; /* of HOLDER_OWNER: of the objects */
    uint64_t members, retained;
};
struct holder_places {
    VEC(struct holder_place) list;
};

/* The node of a holder, and of what is linked to it first; GRAPH_NONE. */
struct holder_nodes {
    uint32_t node, next;
};

struct holder_heap {
    void *ctx;
    const struct graph_tree *tree;
    enum holder_shape (*shape_of)(void *ctx, uint32_t node);
    /* Nodes with the same are of one linked structure; GRAPH_NONE: of none. */
    uint32_t (*link_key)(void *ctx, uint32_t node);
    /* Of arrays, tables and objects: how many members; which nodes those are (added to `ret`). */
    uint64_t (*count_members)(void *ctx, uint32_t node, enum holder_shape shape);
    void (*members)(void *ctx, uint32_t node, struct graph_nodes *ret);
    uint32_t (*class_of)(void *ctx, uint32_t node);
    const char *(*class_name)(void *ctx, uint32_t class);
    /* By which it is known at another look; where it may move, only until there is a collection. */
    uint64_t (*identity)(void *ctx, uint32_t node, bool *ret_may_move);
    /* What else is known: address, sizes, where the class of `member` is written (GRAPH_NONE: there
     * is none), members that are no objects. */
    void (*describe)(void *ctx, const struct holder_place *p, uint32_t member, struct holder *ret);
    /* Name those that matter. */
    void (*name)(void *ctx, const struct holder_nodes *nodes, const struct holders *earlier,
                 struct holders *ret);
};

/* Adds those that hold most, and names what has grown since `earlier` first, if that is not NULL.
 */
void holder_search(const struct holder_heap *heap, const struct holders *earlier,
                   struct holders *ret);

void holder_places_find(const struct holder_heap *heap, struct holder_places *ret);

/* The order in which they are to be named: indices of `all`; the caller frees it. */
size_t *holder_naming_order(const struct holders *all, const struct holders *earlier);
/* ".list", "variable list" and "[\"list\"]" as "list"; "[17]" as it is. The caller frees it. */
char *holder_bare_step(const char *name);

#endif
