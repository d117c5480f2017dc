/* Where in an executable or library V8 writes its line of each collection, and which V8 it is. Of
 * the file alone; looked at once for all processes that run it. */
#ifndef MEMWHY_TRACE_GC_PLACE_H
#define MEMWHY_TRACE_GC_PLACE_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { GC_PLACES = 2 }; /* Print(), and PrintNVP(), which takes its place where asked for */

struct gc_place {
    uint64_t offset[GC_PLACES]; /* in the file, of the instruction to put a probe at */
    size_t n;
    int major, minor;         /* of V8 */
    uint64_t heap_in_isolate; /* bytes from an isolate to its heap; 0: not known */
};

/* Takes over `fd`. -ENODATA: no V8 in it, or none whose symbols are there. */
int gc_place_find(int fd, const char *path, struct gc_place *ret, struct err *e);

#endif
