/* Where in the sources objects come from, as snapshots say it: of functions their own place, of
 * other objects that of their constructor. */
#ifndef MEMWHY_SNAPSHOT_PLACES_H
#define MEMWHY_SNAPSHOT_PLACES_H

#include "collect/sources.h"
#include "v8/scripts.h"

struct snapshot_place {
    uint32_t script_id, line, column; /* from 0 */
};

struct snapshot_places {
    struct sources sources; /* .look is to be set */
    struct v8_scripts scripts;
    VEC(struct snapshot_place) list;
};

/* False: there is none. */
bool snapshot_place_of(struct snapshot_places *p, uint32_t node, struct snapshot_place *ret);
void snapshot_places_done(struct snapshot_places *p);

#endif
