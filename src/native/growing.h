/* What grew in malloc's memory between two looks at one process, although something still refers to
 * it: chunks of one size class and name, and who points to those that are new.
 *
 * A chunk of the second look is new unless one of its size and name was at its address before;
 * gone is one of before that is not there. A group grows when it has more chunks and bytes than
 * before, by more than chance (which makes as many come as go, within the root of twice their
 * number) and than twice what went: what is under way when a program works varies by as much. What
 * was freed and allocated anew at the same address counts as having stayed, so a load that is
 * higher at the second look may still look like growth. Stores that only V8's garbage holds count
 * in neither look. */
#ifndef MEMWHY_NATIVE_GROWING_H
#define MEMWHY_NATIVE_GROWING_H

#include "base/vec.h"
#include "collect/collect.h"

/* What points to new ones. */
struct growing_keeper {
    char *what; /* "ZlibStream, from JavaScript's Zlib", "variable table of app" */
    uint64_t count;
};

struct growing_group {
    char *label;   /* a class, or a kind of content; NULL: unknown */
    uint64_t size; /* of the largest new one, with malloc's header; all are of one class of sizes */
    uint64_t count_before, bytes_before, count, bytes;
    uint64_t fresh, fresh_bytes, gone;  /* that are new; that were there before and are not */
    uint64_t lost;                      /* of the new ones: nothing refers to them */
    char *text, *shape;                 /* what the sample begins with; NULL */
    uint64_t sample;                    /* where the memory of a new one begins */
    VEC(struct growing_keeper) keepers; /* most first */
};

struct growing_past; /* what is kept of the first look */

struct growing {
    uint64_t least;  /* groups that grew by fewer bytes are left out; given by the caller */
    bool by_default; /* or 64 KiB, and a hundredth of all at the second look; likewise */
    uint64_t in_use_before, in_use;   /* bytes of all chunks in use, but for such garbage */
    VEC(struct growing_group) groups; /* that grew; most bytes first */
};

/* For a still_visit of the first look, with all that the second has; `past` is a struct
 * growing_past **, freed and made anew. Leaves it NULL where malloc's chunks are not known. */
int growing_see_past(void *past, struct image *img, const struct evidence *ev, struct err *e);
void growing_past_free(struct growing_past *p);

/* For a whole_visit of the second, with NEED_V8 | NEED_LIVENESS | NEED_MALLOC | NEED_PIECES. */
struct growing_question {
    struct growing_past *past; /* names are added to it */
    struct growing *ret;       /* emptied first, but for what the caller gave */
};
int growing_see(void *question, const struct whole *whole, struct err *e);
void growing_done(struct growing *g);

#endif
