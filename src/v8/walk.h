/* The walk: every page object by object, exactly as V8 laid it out, by several threads, each with
 * one page in hand. Runs while the target is stopped. */
#ifndef MEMWHY_V8_WALK_H
#define MEMWHY_V8_WALK_H

#include "v8/isolates.h"

/* Where a walk got stuck: no object can begin at `at`. */
struct v8_stuck {
    size_t page; /* index */
    uint64_t at;
};

struct v8_walk {
    /* Per isolate (index n_isolates: pages of no isolate, that is read-only). */
    struct v8_space_census (*space)[V8_SPACES];
    VEC(struct v8_store) stores; /* as found: not sorted, not distinct */
    VEC(struct v8_stuck) stuck;
    uint64_t swapped_bytes;
};

/* Walk pages `which[0..n)`; adds to `ret`, whose `space` has n_isolates + 1 rows. A page that got
 * stuck adds nothing but an entry to `stuck`, so that it can be walked again with more areas known;
 * with `last`, its rest is counted as V8_UNWALKED instead. */
void v8_walk_pages(const struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                   const struct v8_lab_list *labs, size_t n_isolates, const size_t *which, size_t n,
                   bool last, struct v8_walk *ret);
void v8_walk_done(struct v8_walk *w);

#endif
