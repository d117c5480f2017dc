/* A sample of the members of a set, by which two looks at it tell how many of the earlier members
 * are still there: those with the smallest hashes, so that both looks choose alike. Members are
 * told by identities that last, as addresses of objects that do not move. */
#ifndef MEMWHY_GROWTH_SKETCH_H
#define MEMWHY_GROWTH_SKETCH_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

enum { SKETCH_MAX = 1024 };

struct sketch {
    VEC(uint64_t) hashes; /* ascending and distinct, once sketch_finish() was called */
    bool is_part;         /* there are members with larger hashes */
};

void sketch_add(struct sketch *s, uint64_t member);
void sketch_finish(struct sketch *s);
void sketch_done(struct sketch *s);

/* Of how many members of `then`, drawn at random, it can be said whether they are in `now`; and how
 * many are. */
uint32_t sketch_compare(const struct sketch *then, const struct sketch *now, uint32_t *ret_kept);

#endif
