/* Which objects of an earlier snapshot are which of this one, although V8 moves them: two graphs
 * walked in step, from their roots. Knows no heap.
 *
 * An object that is reached by the same way and stands where it stood is the same. One that stands
 * elsewhere can only be the same when its page of then was emptied (V8 empties a page whole, or not
 * at all), and is when its own numbers and characters agree and either all that it refers to looks
 * the same, or no other object has these numbers, or these first ones; if it stands among those it
 * stood among (snapshot/order.h). What is left of a container's content, in no order that
 * can be trusted, is judged by the same evidence. Whatever is ambiguous is not the same. */
#ifndef MEMWHY_SNAPSHOT_SAME_H
#define MEMWHY_SNAPSHOT_SAME_H

#include "base/bits.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

#define SNAPSHOT_NONE UINT32_MAX

/* `key`: kind and name of the edge, the kind in the low three bits; equal keys of both graphs mean
 * the same. */
struct snapshot_step {
    uint32_t key, to;
};

/* The nodes of one snapshot; node 0 is the root. */
struct snapshot_graph {
    uint32_t n;
    uint32_t *first;            /* n + 1: of its edges */
    struct snapshot_step *edge; /* of one node in any order; they are put into another */
    uint32_t *look;             /* what kind of object it is, of which class */
    uint32_t *content;          /* its size, numbers and characters */
    uint64_t *numbered;         /* a set: they have several numbers */
    VEC(uint32_t) number;       /* of those, by node: the first alone */
    uint32_t *rank;             /* set by snapshot_same_find(): how many before every 64th node */
    uint64_t *young;            /* a set: they are in the young generation, which they leave once */
};

/* Node after node; 0: it has none. */
static inline void snapshot_graph_number(struct snapshot_graph *g, uint32_t node, uint32_t number) {
    if (!number)
        return;
    bits_set(g->numbered, node);
    vec_push(&g->number, number);
}

struct snapshot_same {
    struct snapshot_graph then, now;
    uint32_t lists; /* nodes below, of both: lists of V8's own whose entries have only numbers */
    /* By node of then: */
    uint32_t
        *there; /* what stands now where it stood, if anything of that look, or SNAPSHOT_NONE */
    uint32_t unit_first; /* the first of what may be emptied at once, */
    uint32_t *unit_end;  /* and for each such unit the node behind its last */
    uint32_t units;
    uint32_t *now_of;  /* set by snapshot_same_find(), as then_of: SNAPSHOT_NONE if it is gone */
    uint32_t *then_of; /* by node of now: SNAPSHOT_NONE if it is new */
};

/* Allocates now_of and then_of, which the caller frees. */
void snapshot_same_find(struct snapshot_same *s);

#endif
