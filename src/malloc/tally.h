/* Private to src/malloc/: the memory of an allocator that is not glibc's, told by its walker span
 * by span and in each piece by piece, upwards. What the walker leaves out is MALLOC_UNWALKED; what
 * it tells of a place twice, or outside the span, is not counted. So the bytes of all states always
 * add up to the spans, whatever the target's structures say. */
#ifndef MEMWHY_MALLOC_TALLY_H
#define MEMWHY_MALLOC_TALLY_H

#include "malloc/malloc.h"
#include "malloc/reader.h"

struct tally {
    const struct image *img;
    struct malloc_census *c;
    struct mem_pages pages;
    struct res_cursor cursor;
    uint64_t at, end; /* of the span: where the walker has not been yet */
    size_t first;     /* of its spans; those before are of glibc */
    uint64_t broken;  /* where a structure first made no sense; 0: nowhere */
};

void tally_init(struct tally *t, const struct image *img, struct malloc_census *c);
/* Sorts the spans. */
void tally_done(struct tally *t);

/* The next span, which becomes one with the last where that ends. False when it cannot be one:
 * empty, it overlaps another, or memory lies in it that is shared or of a file, other than writable
 * data. */
bool tally_span(struct tally *t, uint64_t start, uint64_t end);

/* `count` blocks of `size` bytes from `start` on, all of one state, into it and their size class.
 */
void tally_blocks(struct tally *t, uint64_t start, uint64_t size, uint64_t count,
                  enum malloc_state s);
/* What is not a block. */
void tally_rest(struct tally *t, uint64_t start, uint64_t end, enum malloc_state s);

/* A structure at `addr` makes no sense. */
void tally_broken(struct tally *t, uint64_t addr);

/* What explained the memory. */
struct tally_release {
    const char *name;      /* "2.1.4 to 2.1.7" */
    const char *give_back; /* the environment's setting under which it keeps no free pages; NULL */
};

/* A walker per allocator. NULL when its structures are not found, as those of no release it knows
 * explain what is there; t->c then is as it was. */
const struct tally_release *jemalloc_walk(struct tally *t);
const struct tally_release *mimalloc_walk(struct tally *t);
const struct tally_release *musl_walk(struct tally *t);
const struct tally_release *tcmalloc_walk(struct tally *t);

#endif
