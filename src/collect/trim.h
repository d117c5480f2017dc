/* malloc_trim(0), called in a running process by its own main thread (image/call.h). */
#ifndef MEMWHY_COLLECT_TRIM_H
#define MEMWHY_COLLECT_TRIM_H

#include "image/call.h"
#include "model/evidence.h"

struct trim_how {
    uint64_t max_wait_ns;  /* for a moment in which the main thread waits for events */
    uint64_t max_pause_ns; /* a call that would take longer, by estimate, is not made */
};

/* `before` is what a look at the process gave, its malloc census included. Refuses, with the reason
 * and what to do, where it is not safe or would not do anything: -ENOTSUP (a core, another
 * allocator, a heap that does not hold together, and as image_call), -EBUSY, and as image_call. */
int trim_process(const struct evidence *before, const struct trim_how *how,
                 struct image_call_cost *ret, struct err *e);

#endif
