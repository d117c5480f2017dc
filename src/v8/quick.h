/* V8's heap of a running process at a glance: not stopped, not walked, a few milliseconds. The
 * figures are V8's own counters, so heap_total is exact while the target rests; heap_used counts
 * allocation areas as used and the new space by whole pages. For lists of many processes. */
#ifndef MEMWHY_V8_QUICK_H
#define MEMWHY_V8_QUICK_H

#include "image/image.h"
#include <stdint.h>

struct v8_quick {
    uint64_t heap_total_bytes, heap_used_bytes; /* of all isolates */
    uint32_t isolates;
};

/* What is known of each binary, so that many processes of one binary cost one look at it. */
struct v8_quick_cache;
struct v8_quick_cache *v8_quick_cache_new(void);
void v8_quick_cache_free(struct v8_quick_cache *c);

/* -ENODATA: no V8, or none that can be seen yet; -ENOTSUP: an unknown one. The target may move or
 * end meanwhile. */
int v8_quick_heap(struct v8_quick_cache *c, struct image *img, struct v8_quick *ret);

#endif
