/* How large an object on V8's heap is. */
#ifndef MEMWHY_V8_SIZES_H
#define MEMWHY_V8_SIZES_H

#include "v8/layout.h"

/* What a Map says, packed for the cache of the walk. */
struct v8_map_info {
    uint64_t map;        /* tagged address; 0: empty slot */
    uint64_t meta;       /* the map's own map, tagged */
    uint32_t fixed_size; /* bytes; 0: by the rule */
    uint16_t type;       /* instance type */
    uint8_t rule, header;
    uint16_t
        wasm_bytes; /* what a wasm array's map (element size) or struct's (size) holds instead */
};

enum { V8_MAP_HEAD = 16 }; /* the bytes of a map that v8_map_parse looks at */

/* The same of bytes that were read already. */
void v8_map_parse(const struct v8_layout *l, uint64_t map, const uint8_t bytes[V8_MAP_HEAD],
                  struct v8_map_info *ret);

/* Read a map (tagged address). Does not check that it is one: its meta map must be of map_type.
 * -EBADMSG not a tagged address, -EFAULT. */
int v8_map_read(const struct image *img, const struct v8_layout *l, uint64_t map,
                struct v8_map_info *ret);

/* Choose rules per instance type from the target's root maps (indexed as root_names; .map is 0
 * where the root is no map). layout.c calls this once the roots are known. */
void v8_sizes_setup(struct v8_layout *l, const struct v8_map_info *root_maps);

/* The size in bytes of the object at `obj`, a pointer to its bytes of which `avail` are there; 0 if
 * it cannot be told (too little of it is there, unknown type, or the object lies). `img` is asked
 * only where the size stands in another object (Code of version 11). */
uint64_t v8_object_size(const struct v8_layout *l, const struct image *img,
                        const struct v8_map_info *m, const uint8_t *obj, uint64_t avail);

#endif
