/* What of the embedder's (DOM nodes, Node's C++ objects) is detached: what the file says is, and
 * what that leads to, unless an attached one does, as DevTools has it (propagateDOMState() of its
 * HeapSnapshot.ts). */
#ifndef MEMWHY_HEAPFILE_DETACHED_H
#define MEMWHY_HEAPFILE_DETACHED_H

#include "heapfile/heapfile.h"

/* The set (base/bits.h) of native nodes that are; NULL: none. The caller frees it. */
uint64_t *heapfile_detached_find(const struct heapfile *f);

#endif
