/* The V8 half: from an image to a census. Knows nothing of malloc or of accounts. */
#ifndef MEMWHY_V8_V8_H
#define MEMWHY_V8_V8_H

#include "base/vec.h"
#include "model/v8_census.h"
#include "v8/layout.h"

enum {
    V8_ACCEPT_COLLECTION = 1, /* count although a collection is under way */
    V8_ACCEPT_UNWALKED = 2,   /* count although some of the heap could not be walked */
    V8_LIVENESS = 4,          /* also which objects live */
    V8_SHAPES = 8,            /* instead: only how many there are of each shape */
};

struct v8_heap;
struct v8_nodes;
struct v8_root_list;
struct v8_shapes;

/* All that was found of the heap, while the image still stands. `nodes`, `roots` and `live` are
 * there with V8_LIVENESS, `shapes` with V8_SHAPES; else NULL. */
struct v8_view {
    struct image *img;
    const struct v8_layout *l;
    const struct v8_heap *heap;
    struct v8_nodes *nodes; /* the visitor may make it smaller */
    const struct v8_root_list *roots;
    const uint64_t *live; /* a set of nodes */
    const struct v8_shapes *shapes;
    const struct v8_census *census;
};

/* Who wants to look at it: called once for a census that is accepted, with V8_LIVENESS or
 * V8_SHAPES only. */
struct v8_visit {
    void *arg;
    int (*see)(void *arg, const struct v8_view *view, struct err *e);
};

/* Count everything V8 has in this (stopped) image. -EAGAIN: a collection is under way; -EBUSY: a
 * thread stands in the middle of an allocation's slow path, so that part of the heap cannot be
 * walked; in both cases release and stop again, or accept it, and the census says so. -ENODATA: no
 * isolate was found. With a layout that does not explain the target only `pages` is filled, and
 * layout_known is false. `visit` may be NULL; what it returns is returned. */
int v8_census_take(struct image *img, const struct v8_layout *l, unsigned flags,
                   const struct v8_visit *visit, struct v8_census *ret, struct err *e);

/* Private regions of at least `least_bytes` that hold neither pages nor isolates: the heap is read
 * without them. The image may move. The caller frees the ranges. */
struct v8_range_list {
    VEC(struct image_range) list; /* sorted */
};
void v8_pages_find_others(const struct image *img, const struct v8_layout *l, uint64_t least_bytes,
                          struct v8_range_list *ret);

#endif
