/* What objects hold outside the heap: the contents of ArrayBuffers, WebAssembly memories and
 * external strings, each with the object that holds it (one that several share, with the first).
 * Resizable ones are left out: they reserve addresses, not memory. */
#ifndef MEMWHY_COLLECT_HEAP_OUTSIDE_H
#define MEMWHY_COLLECT_HEAP_OUTSIDE_H

#include "v8/v8.h"

struct heap_held {
    uint32_t node;
    uint64_t bytes;
};

struct heap_outside {
    VEC(struct heap_held) list; /* by node, each once */
};

void heap_outside_find(const struct v8_view *view, struct heap_outside *ret);
void heap_outside_done(struct heap_outside *o);
/* The index of the first of nodes not below `node`; list.n when there is none. */
size_t heap_outside_from(const struct heap_outside *o, uint32_t node);
uint64_t heap_outside_of(const struct heap_outside *o, uint32_t node);

#endif
