/* `gc-trace` where no events are to be had: V8's own counters, read again and again. How many, of
 * which generation; not when, and not how long. */
#ifndef MEMWHY_CMD_GC_COUNTED_H
#define MEMWHY_CMD_GC_COUNTED_H

#include "cmd/gc_watch.h"
#include <stdatomic.h>

struct gc_counted {
    uint64_t until_ns, most; /* 0: no end */
    const atomic_bool *stop;
};

int gc_counted_run(struct run *r, struct gc_watch *w, const struct gc_counted *how);

#endif
