/* What the first words of a chunk are, for those that have no name: so that equal ones come
 * together, and people see a structure. */
#ifndef MEMWHY_NATIVE_CHUNK_SHAPE_H
#define MEMWHY_NATIVE_CHUNK_SHAPE_H

#include "image/image.h"
#include "malloc/chunk_map.h"

/* "chunk, 0, 17, code, ...": for the first words, whether they refer to a chunk, lie in a module,
 * are a small number, or none of that. */
enum { CHUNK_SHAPE_WORDS = 6, CHUNK_SHAPE_BYTES = 64 };

/* Fills `ret`; returns a number that is the same for the same shape, below 2^24. */
uint64_t chunk_shape(const struct image *img, const struct chunk_map *m, uint32_t piece,
                     char ret[CHUNK_SHAPE_BYTES]);

#endif
