/* The shortest way from a root to every live object. A step to an object of V8's own bookkeeping
 * (maps, code, feedback) counts as several, so that of the ways to an object one through the
 * program's own objects is found, if there is one. */
#ifndef MEMWHY_COLLECT_WAYS_H
#define MEMWHY_COLLECT_WAYS_H

#include "base/vec.h"
#include "collect/heap_look.h"
#include "v8/roots.h"

struct ways {
    struct heap_look *look;
    uint32_t *from; /* by node: its predecessor; itself when a root comes first; V8_NO_NODE */
    uint32_t *cost; /* of the way to it, with it */
};

/* One pass over what lives: some 150 ns an object. */
struct ways ways_open(struct heap_look *look);
void ways_done(struct ways *w);

/* The root that a way to this node begins with, when it is such a node; NULL. */
const struct v8_root *ways_root(const struct ways *w, uint32_t node);

/* At most `most` ways to `node`, cheapest first: nodes from the root's to `node`, one after the
 * other in ret_nodes, ret_ends says where each ends. No two come through the same last referrer,
 * none through the node itself. */
struct way_nodes {
    VEC(uint32_t) nodes;
    VEC(size_t) ends;
};
void ways_to(const struct ways *w, uint32_t node, size_t most, struct way_nodes *ret);
void way_nodes_done(struct way_nodes *n);

#endif
