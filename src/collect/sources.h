/* What is known of the source an object comes from: of functions their own SharedFunctionInfo, of
 * other objects that of their constructor. Found once for each map, and for each function's. */
#ifndef MEMWHY_COLLECT_SOURCES_H
#define MEMWHY_COLLECT_SOURCES_H

#include "base/map64.h"
#include "collect/heap_look.h"

struct sources {
    struct heap_look *look; /* to be set; borrowed */
    struct map64 known;     /* node of a map + 1, or address of a SharedFunctionInfo */
};

/* Of a tagged SharedFunctionInfo, or of 0: there is none. */
typedef uint32_t sources_find(void *ctx, uint64_t shared);

/* What `find` says of the node's source; always asked with the same one. */
uint32_t sources_of(struct sources *s, uint32_t node, sources_find *find, void *ctx);
void sources_done(struct sources *s);

#endif
