/* How much of each space lives, and how much a full collection would free. */
#ifndef MEMWHY_V8_LIVENESS_H
#define MEMWHY_V8_LIVENESS_H

#include "v8/heap.h"
#include "v8/nodes.h"
#include "v8/roots.h"

struct v8_liveness {
    struct v8_nodes *nodes; /* set by the caller, filled by the walk; owned */
    struct v8_root_list roots;
    uint64_t *live; /* a set of nodes (base/bits.h) */
};

/* Number the nodes, find the roots, mark, and fill what `has_liveness` speaks of in a census that
 * is otherwise taken. */
void v8_liveness_take(struct image *img, const struct v8_layout *l, const struct v8_heap *heap,
                      struct v8_liveness *k, struct v8_census *ret);
void v8_liveness_done(struct v8_liveness *k);

#endif
