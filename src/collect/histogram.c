#include "collect/histogram.h"

#include "base/bits.h"
#include "collect/heap_look.h"
#include "graph/classes.h"
#include "v8/nodes.h"

static uint32_t class_of(void *classes, uint32_t node) {
    return v8_class_of(classes, node);
}

static void add_retained(const struct heap_graph *g, struct v8_classes *classes,
                         struct histogram *h) {
    cleanup_free struct graph_class *sums = mem_zalloc((h->classes.n + 1) * sizeof *sums);
    graph_classes(g->tree, (uint32_t)h->classes.n, class_of, classes, sums);
    for (size_t i = 0; i < h->classes.n; i++)
        h->classes.at[i].retained = sums[i].retained;
    h->nodes = graph_node_count(g->graph);
    h->edges = graph_edge_count(g->graph);
}

static void add_outside(const struct heap_outside *outside, const struct v8_classes *classes,
                        struct histogram *h) {
    for (size_t i = 0; i < outside->list.n; i++)
        h->classes.at[v8_class_of(classes, outside->list.at[i].node)].off_heap +=
            outside->list.at[i].bytes;
}

static void count_objects(const struct v8_view *view, const struct v8_classes *classes,
                          struct histogram *h) {
    uint32_t n = v8_nodes_count(view->nodes);
    for (uint32_t node = 0; node < n; node++) {
        struct histogram_class *c = &h->classes.at[v8_class_of(classes, node)];
        uint64_t bytes = v8_node_bytes(view->nodes, node);
        c->count++;
        c->shallow += bytes;
        if (!bits_get(view->live, node)) {
            c->garbage_count++;
            c->garbage_bytes += bytes;
        }
    }
}

int histogram_see(void *histogram, const struct v8_view *view, struct err *e) {
    struct histogram *h = histogram;
    struct heap_look look;
    const struct heap_graph *graph;
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    struct v8_classes *classes = heap_look_classes(&look);
    histogram_done(h); /* of a look that was given up */
    for (uint32_t i = 0; i < v8_classes_count(classes); i++) {
        struct histogram_class c = {.name = mem_strdup(v8_class_name(classes, i))};
        vec_push(&h->classes, c);
    }
    count_objects(view, classes, h);
    add_outside(heap_look_outside(&look), classes, h);
    if (h->with_retained && (r = heap_look_graph(&look, &graph, e)) == 0)
        add_retained(graph, classes, h);
    heap_look_done(&look);
    return r;
}

void histogram_done(struct histogram *h) {
    for (size_t i = 0; i < h->classes.n; i++)
        free(h->classes.at[i].name);
    vec_free(&h->classes);
}
