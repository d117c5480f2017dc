/* Takes the census of a target's malloc. glibc 2.17 to 2.43 is found and walked by structure: no
 * symbols, no debug info, no version tables beyond glibc_layout.h. Other allocators are recognised
 * and named. Knows nothing of V8; its pages can be told by hints so that they are not searched.
 *
 * Meant for a stopped image: memory that is not resident is never touched. On a moving image
 * everything is tolerated, counted in the census's coverage, and thread caches are not found. */
#ifndef MEMWHY_MALLOC_MALLOC_H
#define MEMWHY_MALLOC_MALLOC_H

#include "image/image.h"
#include "model/malloc_census.h"

struct malloc_range {
    uint64_t start, end;
};

struct malloc_hints {
    /* Ranges known not to be malloc's (V8 pages), sorted; searches for mmapped chunks skip them. */
    const struct malloc_range *skip;
    size_t n_skip;
    /* Addresses, ascending, whose chunks are wanted: answered in ret->wanted as the walk passes. */
    const uint64_t *wanted;
    size_t n_wanted;
    bool keep_pieces; /* every chunk into ret->pieces: 16 bytes each */
    /* From malloc_recognise(), best done before the stop; NULL: by module paths only. */
    const struct malloc_allocator *allocator;
};

/* Which allocator a target's modules bring: by path, then by exported symbols. */
struct malloc_allocator {
    enum malloc_kind kind;
    char how[192];
    char glibc_version[24]; /* "2.36"; "" when not glibc or not readable */
};
void malloc_recognise(struct image *img, struct malloc_allocator *ret);

/* hints may be NULL. Fails only when there is nothing to describe: -ENODATA, no allocator's state
 * found in a target that must have one. `ret` must be ended with malloc_census_done(). */
int malloc_census_take(const struct image *img, const struct malloc_hints *hints,
                       struct malloc_census *ret, struct err *e);

/* Tells, in no order, what of [start, end) malloc's own readers need as it is: headers of chunks,
 * links of free lists, arenas, thread caches, malloc's parameters. The rest is what the program
 * wrote, or pointers. The image must still be as the census saw it. */
void malloc_each_kept(const struct image *img, const struct malloc_census *c, uint64_t start,
                      uint64_t end, void (*keep)(void *arg, uint64_t start, uint64_t end),
                      void *arg);

/* For a caller who holds a thread of a running process, while others run: 0 when each arena's lock
 * was seen open, so that thread has none of them. -EAGAIN: one stayed closed. */
int malloc_locks_seen_open(const struct image *img, const struct malloc_census *c);

/* The chunk that holds `addr`, walked anew from the census's index: the image must still be as it
 * was. -ENODATA: in no chunk. -EFAULT, -EBADMSG: the chain could not be followed. */
int malloc_chunk_at(const struct image *img, const struct malloc_census *c, uint64_t addr,
                    struct malloc_chunk *ret);

#endif
