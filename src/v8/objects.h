/* Single objects of the heap, read where they stand. A tagged word is believed to be what its map
 * says, and the map only when its own map is one. For images that do not move: what was read is
 * kept. Not for several threads at once. */
#ifndef MEMWHY_V8_OBJECTS_H
#define MEMWHY_V8_OBJECTS_H

#include "v8/maps.h"
#include "v8/types.h"

enum v8_kind {
    KIND_NONE, /* no object: a Smi, a cleared weak reference, not readable */
    KIND_OTHER,
    KIND_STRING,
    KIND_SYMBOL,
    KIND_ODDBALL,
    KIND_HEAP_NUMBER,
    KIND_BIGINT,
    KIND_MAP,
    KIND_ARRAY,   /* FixedArray and its like: length at 8, elements from 16 on */
    KIND_BYTES,   /* ByteArray and its like */
    KIND_DOUBLES, /* FixedDoubleArray: length at 8, raw numbers from 16 on */
    KIND_HOLE,
    KIND_SHARED,
    KIND_SCRIPT,
    KIND_SCOPE_INFO,
    KIND_UNCOMPILED,
    KIND_BYTECODE,
    KIND_INTERPRETER_DATA,
    KIND_BASELINE_DATA,
    KIND_CODE,
    KIND_STREAM,
    KIND_PROPERTY_CELL,
    /* JSReceivers, from here on. */
    KIND_PROXY,
    KIND_GLOBAL_PROXY,
    KIND_FUNCTION,
    KIND_RECEIVER,
};

struct v8_object_cache;

struct v8_objects {
    const struct image *img;
    const struct v8_layout *l;
    const struct v8_pages *pages;
    struct v8_maps maps;
    struct v8_object_cache *cache;
    uint64_t last, last_map; /* the object whose map was asked for last; 0: none */
    uint8_t *kinds;          /* by instance type */
    uint8_t *types;          /* enum v8_type, the same way */
    /* Of the details of a property, as the binary states them (src/objects/property-details.h). */
    uint32_t location_mask, attributes_shift;
    /* Of the elements kind in a map, and the kind of dictionaries, which the others follow. */
    uint32_t elements_mask, elements_shift;
    int32_t dictionary_elements;
};

/* Everything is borrowed. -ENOTSUP: no offsets of functions and code are known for this version. */
int v8_objects_open(const struct image *img, const struct v8_layout *l,
                    const struct v8_pages *pages, struct v8_objects *ret);
void v8_objects_done(struct v8_objects *o);

/* Whole or -EFAULT. */
int v8_objects_read(struct v8_objects *o, uint64_t addr, void *buf, size_t len);

/* What a tagged word (a weak one too) leads to. */
enum v8_kind v8_kind(struct v8_objects *o, uint64_t tagged);
/* What an object with this map is. */
enum v8_kind v8_kind_of_map(struct v8_objects *o, uint64_t map);
/* Its instance type; -1 when it is no object. */
int v8_instance_type(struct v8_objects *o, uint64_t tagged);
/* The same by name; TYPE_OTHER also when it is no object. */
enum v8_type v8_type(struct v8_objects *o, uint64_t tagged);

/* A field of an object, in bytes from its start. False when it cannot be read. */
bool v8_field(struct v8_objects *o, uint64_t tagged, int32_t offset, uint64_t *ret);
bool v8_field_u32(struct v8_objects *o, uint64_t tagged, int32_t offset, uint32_t *ret);
/* The same; 0 when it cannot be read. */
uint64_t v8_field_or_0(struct v8_objects *o, uint64_t tagged, int32_t offset);

/* The length of an array or byte array; -1 when it is none. */
int64_t v8_array_length(struct v8_objects *o, uint64_t array);
/* An element of an array; 0 when it is not there. */
uint64_t v8_array_get(struct v8_objects *o, uint64_t array, int64_t index);
/* The hole: what stands where there is nothing, in elements, tables, variables not yet initialised.
 */
bool v8_is_hole(struct v8_objects *o, uint64_t tagged);

/* The content of a byte array, of at most `max` bytes; NULL when it is none. The caller frees. */
uint8_t *v8_bytes_get(struct v8_objects *o, uint64_t bytes, size_t max, size_t *ret_n);

static inline bool v8_is_smi(uint64_t tagged) {
    return (tagged & 0xffffffff) == 0;
}
/* A weak reference as the strong one to the same object. */
static inline uint64_t v8_strong(uint64_t tagged) {
    return (tagged & 3) == 3 ? tagged & ~2ull : tagged;
}
static inline int32_t v8_smi(uint64_t tagged) {
    return (int32_t)(tagged >> 32);
}
static inline bool v8_is_receiver(enum v8_kind k) {
    return k >= KIND_PROXY;
}

#endif
