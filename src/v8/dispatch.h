/* V8's JSDispatchTable (V8 13 and later, src/sandbox/js-dispatch-table.h): functions hold a handle,
 * the table holds the Code. One per process. */
#ifndef MEMWHY_V8_DISPATCH_H
#define MEMWHY_V8_DISPATCH_H

#include "v8/pages.h"

struct v8_dispatch {
    uint64_t *words; /* two per entry: entry point; object << 16 | parameters. NULL: no table */
    size_t n;        /* entries */
};

/* Found by its shape: a reservation of 256 MiB that begins with a read-only and goes on with a
 * writable segment of 64 KiB each or more, whose entries point to Code. */
void v8_dispatch_load(const struct image *img, const struct v8_pages *pages,
                      struct v8_dispatch *ret);
void v8_dispatch_done(struct v8_dispatch *d);
/* The tagged Code behind a handle; 0 if it is none. */
uint64_t v8_dispatch_code(const struct v8_dispatch *d, uint32_t handle);

#endif
