/* Blocks of V8's handles that nobody gives back. Native code that makes handles outside of any
 * HandleScope leaves each of them in the outermost scope, which never ends: V8 takes one block
 * after the other. What is in them is then mostly one value, as a function called without need for
 * its result leaves `undefined`. So the blocks are known by what is in them, in every version of
 * V8.
 *
 * V8, src/handles.h and handles/handles.h: kHandleBlockSize, 1022 handles (3.14 to 14). */
#ifndef MEMWHY_NATIVE_HANDLE_BLOCKS_H
#define MEMWHY_NATIVE_HANDLE_BLOCKS_H

#include "image/image.h"
#include "model/malloc_census.h"

/* Fewer are no leak: the handles of one deep call. */
#define HANDLE_BLOCKS_LEAST 4

struct handle_blocks {
    uint64_t count, bytes, handles; /* blocks of one value that are full of it */
    uint64_t sample;                /* where the memory of one begins */
    const char *value;              /* "undefined", ...; NULL: not known which */
};

/* Of a still image; the census must have its pieces. Of several values the one with most blocks. */
void handle_blocks_find(const struct image *img, const struct malloc_census *c,
                        struct handle_blocks *ret);

#endif
