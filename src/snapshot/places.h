/* Where in the sources objects come from, as snapshots say it: of functions their own place, of
 * other objects that of their constructor. */
#ifndef MEMWHY_SNAPSHOT_PLACES_H
#define MEMWHY_SNAPSHOT_PLACES_H

#include "collect/heap_look.h"
#include "v8/scripts.h"

struct snapshot_place {
    uint32_t script_id, line, column; /* from 0 */
};

struct snapshot_places {
    struct heap_look *look;
    struct v8_scripts scripts;
    VEC(struct snapshot_place) list;
    struct map64 by_source; /* node of a map + 1, or address of a SharedFunctionInfo -> index + 1 */
};

/* Set .look. False: there is none. */
bool snapshot_place_of(struct snapshot_places *p, uint32_t node, struct snapshot_place *ret);
void snapshot_places_done(struct snapshot_places *p);

#endif
