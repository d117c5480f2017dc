/* Who refers to some objects: a pass over all references. */
#ifndef MEMWHY_V8_REFERRERS_H
#define MEMWHY_V8_REFERRERS_H

#include "base/vec.h"
#include "v8/nodes.h"

struct v8_referrer {
    uint32_t from, to;
    bool is_map; /* `to` is its map */
    bool is_weak;
};

struct v8_referrer_list {
    VEC(struct v8_referrer) list; /* by `from`, ascending; several for one that refers twice */
};

/* Adds every reference to one of `wanted` (a set of nodes). Reads all references, from several
 * threads: some 50 ms for ten million objects. Values of ephemeron tables are told by their key and
 * their table, as weak. */
void v8_referrers_find(const struct v8_nodes *n, const struct v8_pages *pages,
                       const uint64_t *wanted, struct v8_referrer_list *ret);
void v8_referrers_done(struct v8_referrer_list *r);

#endif
