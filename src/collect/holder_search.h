/* Finding holders on a heap that stands. */
#ifndef MEMWHY_COLLECT_HOLDER_SEARCH_H
#define MEMWHY_COLLECT_HOLDER_SEARCH_H

#include "collect/heap_look.h"
#include "collect/holders.h"

/* Those that hold most, and how some of them are reached: what has grown since `earlier` first, if
 * that is not NULL. -E2BIG as heap_look_graph(). */
int holder_search(struct heap_look *look, const struct holders *earlier, struct holders *ret,
                  struct err *e);

/* --- its parts, for src/collect/holder_*.c alone --- */

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

/* What of a heap's shape decides what a node may be; by node of its map. */
enum holder_shape {
    SHAPE_UNKNOWN,
    SHAPE_NONE,
    SHAPE_ARRAY,
    SHAPE_TABLE,
    SHAPE_OBJECT,
    SHAPE_CONTEXT,
    SHAPE_LINK, /* promises, cons strings: held by their like */
    SHAPE_LARGE,
};
struct holder_scan {
    struct heap_look *look;
    const struct graph_tree *tree;
    uint8_t *shapes; /* by node of a map */
};
enum holder_shape holder_shape_of(struct holder_scan *s, uint32_t node);
/* Nodes with the same are of one linked structure; GRAPH_NONE: of none. */
uint32_t holder_link_key(struct holder_scan *s, uint32_t node);

void holder_places_find(struct holder_scan *s, struct holder_places *ret);

/* How many members a collection has. */
uint64_t holder_count_members(struct holder_scan *s, uint32_t node, enum holder_shape shape);
/* The nodes that are the members of a place; the caller frees the vector. */
void holder_members(struct holder_scan *s, const struct holder_place *p, struct graph_nodes *ret);
/* Members that are numbers, each as an identity for a sketch: elements with their place, keys. */
struct holder_numbers {
    VEC(uint64_t) list;
};
void holder_numbers(struct holder_scan *s, const struct holder_place *p,
                    struct holder_numbers *ret);
/* Bytes of the holder and of the tables its members are in. */
uint64_t holder_shallow(struct holder_scan *s, uint32_t node);

/* The node of a holder, and of what is linked to it first; V8_NO_NODE. */
struct holder_nodes {
    uint32_t node, next;
};
/* Name those of the holders that matter. */
void holder_paths_name(struct heap_look *look, const struct holder_nodes *nodes,
                       const struct holders *earlier, struct holders *ret);

#endif
