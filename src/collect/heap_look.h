/* A heap to ask about, for commands that speak of single objects: what several of them need, made
 * when it is first asked for. While the view lasts, from one thread. */
#ifndef MEMWHY_COLLECT_HEAP_LOOK_H
#define MEMWHY_COLLECT_HEAP_LOOK_H

#include "base/map64.h"
#include "collect/heap_graph.h"
#include "v8/classes.h"
#include "v8/objects.h"

struct heap_look {
    const struct v8_view *view;
    enum heap_keeps keeps; /* set by who needs less once there is a graph, to save memory */
    struct v8_objects objects;
    struct v8_classes *classes; /* by heap_look_classes() */
    struct heap_graph graph;    /* by heap_look_graph() */
    struct heap_outside outside;
    bool has_outside;   /* by heap_look_outside() */
    struct map64 types; /* number of a map's node + 1 -> instance type + 1; as asked for */
};

/* -ENOTSUP with `e` filled: the objects of this version cannot be told apart. */
int heap_look_open(const struct v8_view *view, struct heap_look *ret, struct err *e);
void heap_look_done(struct heap_look *k);

/* The class of every node; takes a pass over the heap the first time. */
struct v8_classes *heap_look_classes(struct heap_look *k);
const struct heap_outside *heap_look_outside(struct heap_look *k);
/* The nodes the program's own objects hang on: user_roots of struct graph_weights. Adds to `ret`.
 */
void heap_look_globals(struct heap_look *k, struct graph_nodes *ret);
/* Every edge, dominators, retained sizes; takes seconds on a large heap the first time. */
int heap_look_graph(struct heap_look *k, const struct heap_graph **ret, struct err *e);

/* The node of an object that a user names by its address, tagged (as it is printed) or not.
 * -EINVAL with `e` filled: no object begins there. */
int heap_look_find(const struct heap_look *k, uint64_t addr, uint32_t *ret_node, struct err *e);
/* A node's tagged address, as V8 prints it. */
uint64_t heap_look_addr(const struct heap_look *k, uint32_t node);
bool heap_look_is_live(const struct heap_look *k, uint32_t node);
/* Its instance type, without reading the object; -1 when it is not known. */
int heap_look_instance_type(struct heap_look *k, uint32_t node);
enum v8_type heap_look_type(struct heap_look *k, uint32_t node);
/* Its name and value in a few words; never NULL, the caller frees. */
char *heap_look_summary(struct heap_look *k, uint32_t node);
/* The same with the first of what it holds. */
char *heap_look_details(struct heap_look *k, uint32_t node);

#endif
