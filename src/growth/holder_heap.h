/* Holders of V8's heap, while it stands. The parts of it are for src/growth/holder_*.c alone. */
#ifndef MEMWHY_GROWTH_HOLDER_HEAP_H
#define MEMWHY_GROWTH_HOLDER_HEAP_H

#include "collect/heap_look.h"
#include "collect/origins.h"
#include "growth/holder_search.h"

/* Those of a heap, as holder_search(). -E2BIG as heap_look_graph(). */
int holder_heap_search(struct heap_look *look, const struct holders *earlier, struct holders *ret,
                       struct err *e);

struct holder_outside {
    uint32_t position;
    uint64_t bytes;
};
struct holder_scan {
    struct heap_look *look;
    const struct graph_tree *tree;
    uint8_t *shapes; /* by node of a map: enum holder_shape + 1; 0: not asked yet */
    struct origins origins;
    VEC(struct holder_outside) outside; /* held outside the heap; by position, with all before */
};

uint64_t holder_count_members(struct holder_scan *s, uint32_t node, enum holder_shape shape);
enum holder_shape holder_shape_of(struct holder_scan *s, uint32_t node);
/* The nodes that the tables of an array, Map, Set or object refer to. */
void holder_members(struct holder_scan *s, uint32_t node, struct graph_nodes *ret);
/* Members that are numbers, each as an identity for a sketch: elements with their place, keys. */
struct holder_numbers {
    VEC(uint64_t) list;
};
void holder_numbers(struct holder_scan *s, const struct holder_place *p,
                    struct holder_numbers *ret);
/* Bytes of the holder and of the tables its members are in. */
uint64_t holder_shallow(struct holder_scan *s, uint32_t node);
void holder_paths_name(struct heap_look *look, const struct holder_nodes *nodes,
                       const struct holders *earlier, struct holders *ret);

#endif
