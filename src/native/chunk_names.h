/* What a chunk in use is, by what is in it: a class of C++ by its table of virtual functions, a
 * structure of a library or a part of one, else the kind of its content. Names nothing that it does
 * not see. */
#ifndef MEMWHY_NATIVE_CHUNK_NAMES_H
#define MEMWHY_NATIVE_CHUNK_NAMES_H

#include "image/image.h"
#include "malloc/chunk_map.h"
#include "model/v8_census.h"

struct chunk_names;

/* The image must stand still as long as names are asked for; `v8` may be NULL. */
struct chunk_names *chunk_names_new(struct image *img, const struct v8_census *v8);
void chunk_names_free(struct chunk_names *n);

/* Looks at all chunks once; from then on structures and their parts (structures.h) are known, too.
 * The map must live as long. */
void chunk_names_find_structures(struct chunk_names *n, const struct chunk_map *map);

/* As many bytes of a chunk are looked at. */
enum { CHUNK_LOOK_BYTES = 4096 };

/* The name of what is in memory [addr, end): the same pointer for the same name, owned by `n`; NULL
 * when it has none. The second gets the beginning of that memory. */
const char *chunk_name(struct chunk_names *n, uint64_t addr, uint64_t end);
const char *chunk_name_of_bytes(struct chunk_names *n, uint64_t addr, uint64_t end,
                                const uint8_t *bytes, size_t have);

/* Whether a name says what a chunk is for, and so what it leads to: a class or a structure, not a
 * content. */
bool chunk_name_is_class(const struct chunk_names *n, const char *name);

/* The text a chunk begins with, for people to recognise it; NULL when that is none. The caller
 * frees it. */
char *chunk_text(const struct image *img, uint64_t addr, uint64_t end);

#endif
