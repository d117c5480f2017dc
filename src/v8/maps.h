/* The maps one walker has met: a cache, because each object asks for its map. Not for several
 * threads at once. */
#ifndef MEMWHY_V8_MAPS_H
#define MEMWHY_V8_MAPS_H

#include "v8/pages.h"
#include "v8/sizes.h"

struct v8_map_page;

struct v8_maps {
    struct v8_map_info last;   /* objects of one kind stand together */
    struct v8_map_info *slots; /* open addressing; .map 0: empty */
    size_t n, n_slots;
    struct v8_map_page *pages; /* OS pages with maps on them, kept at hand */
};

/* What the word `map` (tagged) says as a map; NULL when it is none: its own map must be of the map
 * type. Valid until the next call. */
const struct v8_map_info *v8_maps_get(struct v8_maps *m, const struct image *img,
                                      const struct v8_layout *l, const struct v8_pages *pages,
                                      uint64_t map);
void v8_maps_done(struct v8_maps *m);

#endif
