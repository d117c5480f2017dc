/* The heap by shape (V8's maps): how many objects have each. Told by the walk, in one pass that
 * numbers nothing and reads no more of an object than its head; or, where objects are numbered
 * already, from nodes, with what of them is garbage. */
#ifndef MEMWHY_V8_SHAPES_H
#define MEMWHY_V8_SHAPES_H

#include "v8/nodes.h"

struct v8_view;

struct v8_shape {
    uint64_t map;   /* tagged */
    uint64_t first; /* the first object that has it, tagged */
    uint64_t count, bytes;
    uint64_t garbage_count, garbage_bytes; /* from nodes; else 0, which says nothing */
};

/* On this page (index) are objects of that shape (index). */
struct v8_shape_page {
    uint32_t shape, page;
};

struct v8_shapes {
    VEC(struct v8_shape) list;       /* by their first objects */
    VEC(struct v8_shape_page) pages; /* by shape, then page */
};

/* While the walk goes on. */
struct v8_shape_counter;
struct v8_shape_counter *v8_shape_counter_new(const struct v8_pages *pages);
void v8_shape_counter_free(struct v8_shape_counter *c);
struct v8_walk_sink v8_shape_counter_sink(struct v8_shape_counter *c);
/* What it counted; v8_shapes_done() it. */
struct v8_shapes v8_shape_counter_end(struct v8_shape_counter *c);

/* Of nodes, but for those in `left_out` (a set, may be NULL). `live` is a set, too. */
struct v8_shapes v8_shapes_of_nodes(const struct v8_nodes *nodes, const uint64_t *live,
                                    const uint64_t *left_out);
void v8_shapes_done(struct v8_shapes *s);

/* The tagged addresses of all objects on one page that have this map; vec_free() it. Walks the page
 * again where there are no nodes. */
struct v8_shape_objects {
    VEC(uint64_t) list;
};
struct v8_shape_objects v8_shape_objects_on(const struct v8_view *view, uint64_t map, size_t page);

#endif
