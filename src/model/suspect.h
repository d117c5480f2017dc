/* What on a JavaScript heap looks like a leak: much, of one kind, held by something that has no
 * bound. Whether somebody needs it only its owner knows. Plain data. */
#ifndef MEMWHY_MODEL_SUSPECT_H
#define MEMWHY_MODEL_SUSPECT_H

#include "base/vec.h"
#include <stdint.h>

/* A part of what a suspect holds, or a place that it speaks of. */
struct suspect_part {
    char *text;
    uint64_t addr;         /* tagged; 0: it speaks of no single object */
    uint64_t count, bytes; /* 0: not told */
};

struct suspect {
    const char *kind; /* "collection-leak": the word for the cause it would be */
    char *text;       /* one sentence without its full stop */
    char *path;       /* how its holder is reached; NULL when not told */
    uint64_t addr;    /* of the holder, tagged; 0: many objects, no one holder */
    uint64_t sample;  /* of one of the objects it is about; 0: not told */
    uint64_t count;   /* of the objects it is about */
    uint64_t bytes;   /* that go with them, on the heap and outside it */
    uint64_t outside; /* of these, outside it: of one holder only; 0: none, or many objects */
    VEC(struct suspect_part) parts;
};

struct suspects {
    uint64_t least;      /* set by the caller: bytes worth saying; 0: a twentieth of what lives */
    uint64_t live_bytes; /* on the heap and held outside it */
    VEC(struct suspect) list; /* those that hold most first; they may hold the same things */
};

void suspect_done(struct suspect *s);
void suspects_done(struct suspects *s);

#endif
