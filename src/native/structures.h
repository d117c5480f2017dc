/* Structures of C libraries and of V8, told in malloc's memory by what must hold in them: pointers
 * that lead back to where they stand, sizes that agree with malloc's own. Each file structure_*.c
 * says where its layouts are from, and how strong its test is: by what chance a chunk of other
 * words would pass it, as bits that have to agree. None is believed below 40 bits.
 *
 * A structure also names the parts it points to, whose own content says little: windows, buffers.
 */
#ifndef MEMWHY_NATIVE_STRUCTURES_H
#define MEMWHY_NATIVE_STRUCTURES_H

#include "image/image.h"
#include "malloc/chunk_map.h"
#include "model/v8_census.h"

struct structures;

/* Looks at all chunks in use, once. The image must stand still; `v8` may be NULL; `map` must
 * outlive the result. */
struct structures *structures_find(struct image *img, const struct chunk_map *map,
                                   const struct v8_census *v8);
void structures_free(struct structures *s);

/* What begins in the chunk whose memory begins at `addr`; NULL. The same pointer for the same name.
 * *ret_whole: it is a structure, not a part of one. */
const char *structures_name(const struct structures *s, uint64_t addr, bool *ret_whole);

/* ---- for structure_*.c ---- */

enum { STRUCTURE_BYTES = 512 };

/* The beginning of a chunk's memory. */
struct structure_look {
    struct structures *s;
    struct image *img;
    const struct chunk_map *map;
    const struct v8_census *v8;
    uint64_t addr, size; /* the chunk's memory */
    const uint8_t *bytes;
    size_t have; /* at most STRUCTURE_BYTES */
};

/* Give a name, or NULL, and name parts. */
typedef const char *structure_test(const struct structure_look *l);
extern structure_test structure_zlib, structure_openssl, structure_node, structure_v8,
    structure_sqlite, structure_icu;

/* What begins at `addr`, which the structure refers to, is a part of it: nothing where no chunk in
 * use begins at most 16 bytes before (allocators of libraries put sizes there). */
void structure_part(const struct structure_look *l, uint64_t addr, const char *name);
/* The chunk in use whose memory begins there holds `bytes`, and not more than malloc gives for
 * them: it rounds up to 16, from 24 on, and leaves no rest of 16 behind a chunk that it cuts. */
bool structure_fits(const struct structure_look *l, uint64_t addr, uint64_t bytes);
/* The name of the symbol that is exactly at `addr`; NULL. Owned by the file. */
const char *structure_symbol(const struct structure_look *l, uint64_t addr);

#endif
