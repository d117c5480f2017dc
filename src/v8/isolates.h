/* Isolates of a process and what of them changes from moment to moment: roots, collection state,
 * allocation areas. */
#ifndef MEMWHY_V8_ISOLATES_H
#define MEMWHY_V8_ISOLATES_H

#include "v8/pages.h"

/* The roots table of a heap: where the facts say, else near the heap, wherever a table explains
 * itself (meta map its own map; fixed_array_map and byte_array_map maps of it). -ENODATA. */
int v8_roots_find(const struct image *img, const struct v8_layout *l, uint64_t heap, uint64_t *ret);

struct v8_isolate {
    uint64_t isolate, heap, roots;
    uint32_t gc_state; /* 0 none, 1 scavenge, 2 mark-compact; UINT32_MAX unknown */
};

struct v8_isolate_list {
    VEC(struct v8_isolate) list;
};

/* The live isolates: those whose spaces own pages and whose roots explain themselves. Sets
 * `isolate` of their pages. Call after v8_pages_assign. */
int v8_isolates_find(const struct image *img, const struct v8_layout *l, struct v8_pages *pages,
                     struct v8_isolate_list *ret);

/* An allocation area: [top, limit) is reserved and holds no objects. It may be empty: then it says
 * only how far a page is filled. */
struct v8_lab {
    uint64_t top, limit;
};

/* One trace of an area in memory: V8 keeps {start, top, limit}, and beside it the original {top,
 * limit}, which reach further when V8 lowered the limit to be called back. */
struct v8_lab_record {
    uint64_t start, top, limit;
    bool original; /* the pair: its top is as old as the area */
    bool lowered;  /* {top, limit}, if it is any: a limit that is not aligned */
};

struct v8_lab_list {
    VEC(struct v8_lab) list;           /* sorted by top; at most one over any address */
    VEC(struct v8_lab_record) records; /* what they were made of */
};

/* Areas of the isolates and their spaces. */
void v8_labs_find(const struct image *img, const struct v8_pages *pages,
                  const struct v8_isolate_list *isolates, struct v8_lab_list *ret);

/* Areas of background threads, for places where a walk got stuck: looks through stacks and malloc
 * memory for an area that holds one of `stuck` (sorted). Adds to the list; returns how many it
 * found. */
size_t v8_labs_search(const struct image *img, const struct v8_pages *pages, const uint64_t *stuck,
                      size_t n_stuck, struct v8_lab_list *ret);

/* Index of the first area with top >= addr. */
size_t v8_labs_from(const struct v8_lab_list *l, uint64_t addr);
void v8_labs_done(struct v8_lab_list *l);

#endif
