/* Which nodes a snapshot has, and in which order: the root, "(GC roots)", its subroots, "(Garbage)"
 * if it is wanted, the objects as they stand, what they hold outside the heap. An ordinal is a
 * node's place in that order. */
#ifndef MEMWHY_SNAPSHOT_PLAN_H
#define MEMWHY_SNAPSHOT_PLAN_H

#include "collect/heap_look.h"
#include "snapshot/ids.h"
#include "v8/nodes.h"
#include "v8/snapshot_form.h"

enum { SNAPSHOT_ROOT, SNAPSHOT_GC_ROOTS, SNAPSHOT_FIRST_SUBROOT };

#define SNAPSHOT_NOT UINT32_MAX /* no ordinal: not in the snapshot */

/* Memory outside the heap: a node of its own. */
struct snapshot_store {
    uint64_t addr, bytes;
    uint32_t id;
};

/* What a subroot refers to. */
struct snapshot_root {
    uint32_t subroot; /* index */
    uint32_t node;
    uint32_t entry; /* in the roots table, or V8_NO_ENTRY */
    bool weak;
};

struct snapshot_key {
    uint32_t key, index; /* of an ephemeron */
};

struct snapshot_plan {
    const struct v8_view *view;
    const struct v8_snapshot_form *form;
    uint64_t *in; /* the set of nodes that are in it */
    uint64_t
        *read_only;  /* of nodes that no isolate owns: they weigh nothing, as in V8 13 and later */
    uint32_t *ranks; /* how many are in it before every 64th */
    uint32_t n_subroots, n_heap, first_heap, first_store, n;
    uint32_t garbage; /* ordinal of "(Garbage)", or SNAPSHOT_NOT */
    VEC(struct snapshot_store) stores;
    struct map64 store_at;               /* address -> index + 1 */
    VEC(struct snapshot_root) roots;     /* by subroot */
    VEC(uint32_t) globals;               /* nodes: what the root has shortcuts to */
    VEC(uint32_t) heads;                 /* of garbage: what leads to all of it */
    VEC(struct v8_ephemeron) ephemerons; /* those whose parts are in it */
    VEC(struct snapshot_key) by_key;     /* the same by key */
    struct snapshot_ids ids;
    uint32_t *given; /* by ordinal: the number of each, where an earlier snapshot's are kept */
};

/* The index of that isolate (by name or number), NULL: the main one; -EINVAL with `e` filled. */
int snapshot_isolate(const struct v8_view *view, const char *name, int *ret, struct err *e);
/* -E2BIG with `e` filled. */
int snapshot_plan_make(struct heap_look *look, int isolate, bool with_garbage,
                       struct snapshot_plan *ret, struct err *e);
void snapshot_plan_done(struct snapshot_plan *p);
/* The first in by_key with this key, or with the next. */
size_t snapshot_first_by_key(const struct snapshot_plan *p, uint32_t key);
/* How many objects before that node are in the snapshot. */
static inline uint32_t snapshot_rank(const struct snapshot_plan *p, uint32_t node) {
    uint64_t below = (1ull << (node % 64)) - 1;
    return p->ranks[node / 64] + (uint32_t)__builtin_popcountll(p->in[node / 64] & below);
}

/* SNAPSHOT_NOT when it is not in it. */
static inline uint32_t snapshot_ordinal(const struct snapshot_plan *p, uint32_t node) {
    return p->in[node / 64] >> (node % 64) & 1 ? p->first_heap + snapshot_rank(p, node)
                                               : SNAPSHOT_NOT;
}

/* How many edges nodes have, most a few. */
struct snapshot_counts {
    uint8_t *few;      /* by ordinal; UINT8_MAX: so many, and those in `more` */
    struct map64 more; /* ordinal + 1 -> how many more */
};
static inline void snapshot_count_one(struct snapshot_counts *c, uint32_t ordinal) {
    uint64_t more = 0;
    if (c->few[ordinal] < UINT8_MAX) {
        c->few[ordinal]++;
    } else {
        map64_get(&c->more, ordinal + 1ull, &more);
        map64_put(&c->more, ordinal + 1ull, more + 1);
    }
}
static inline uint32_t snapshot_count(const struct snapshot_counts *c, uint32_t ordinal) {
    uint64_t more = 0;
    if (c->few[ordinal] == UINT8_MAX)
        map64_get(&c->more, ordinal + 1ull, &more);
    return c->few[ordinal] + (uint32_t)more;
}

/* The number of an object. */
static inline uint32_t snapshot_number(const struct snapshot_plan *p, uint32_t node) {
    return p->given ? p->given[snapshot_ordinal(p, node)]
                    : snapshot_id(&p->ids, v8_node_addr(p->view->nodes, node));
}
/* How much it weighs: with the characters of an external string, as V8 11 and later count them. */
uint64_t snapshot_bytes(const struct snapshot_plan *p, struct heap_look *look, uint32_t node,
                        enum v8_node_kind kind);

#endif
