/* How much of each space lives, and how much a full collection would free. */
#ifndef MEMWHY_V8_LIVENESS_H
#define MEMWHY_V8_LIVENESS_H

#include "v8/heap.h"
#include "v8/nodes.h"

/* Fill what `has_liveness` speaks of in a census that is otherwise taken. */
void v8_liveness_take(struct image *img, const struct v8_layout *l, const struct v8_heap *heap,
                      const struct v8_nodes *nodes, struct v8_census *ret);

#endif
