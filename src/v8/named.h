/* Which strings on the heap are names, and which byte arrays belong to code: found by who refers to
 * them while the heap is walked. A bit for every word of the heap's pages, 1.6 % of it at most. */
#ifndef MEMWHY_V8_NAMED_H
#define MEMWHY_V8_NAMED_H

#include "v8/heap.h"

struct v8_named;

/* `pages` must stay as they are. */
struct v8_named *v8_named_new(const struct image *img, const struct v8_layout *l,
                              const struct v8_pages *pages);
void v8_named_free(struct v8_named *n);
/* For the walk; or straight for h->walk.sink. */
struct v8_walk_sink v8_named_sink(struct v8_named *n);
/* After the walk: the roots of an isolate. */
void v8_named_add_roots(struct v8_named *n, uint64_t roots);

/* Does a name, or a byte array of code, begin at `addr`? */
bool v8_named_has(const struct v8_named *n, uint64_t addr);

/* Characters of strings that are names in part only, or by way of others; sorted after
 * v8_named_settle(). */
struct v8_named_part {
    uint64_t start, end;
};
void v8_named_settle(struct v8_named *n);
const struct v8_named_part *v8_named_parts(const struct v8_named *n, size_t *ret_n);

#endif
