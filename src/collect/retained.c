#include "collect/retained.h"

#include "base/bits.h"
#include "v8/nodes.h"

enum { CHAIN_MAX = 1000 }; /* a linked list dominates itself as often as it is long */

static char *class_of(struct heap_look *look, uint32_t node) {
    struct v8_classes *c = heap_look_classes(look);
    return mem_strdup(v8_class_name(c, v8_class_of(c, node)));
}

static void climb(struct heap_look *look, const struct heap_graph *g, uint32_t node,
                  struct retained_object *o) {
    uint32_t root = graph_root_id(g->graph);
    uint32_t up = graph_tree_dominator(g->tree, node);
    for (; up != GRAPH_NONE && up != root; up = graph_tree_dominator(g->tree, up)) {
        if (o->chain.n == CHAIN_MAX) {
            o->chain_cut = true;
            return;
        }
        vec_push(&o->chain,
                 (struct retained_step){heap_look_addr(look, up), graph_tree_retained(g->tree, up),
                                        class_of(look, up), heap_look_summary(look, up)});
    }
}

static int describe(struct heap_look *look, const struct heap_graph *g, struct retained_object *o,
                    struct err *e) {
    const struct heap_outside *outside = heap_look_outside(look);
    uint32_t node;
    int r = heap_look_find(look, o->addr, &node, e);
    if (r < 0)
        return r;
    o->addr = heap_look_addr(look, node);
    o->class = class_of(look, node);
    o->summary = heap_look_summary(look, node);
    o->live = graph_is_live(g->graph, node);
    o->shallow = v8_node_bytes(look->view->nodes, node);
    o->retained = graph_tree_retained(g->tree, node);
    o->count = graph_tree_count(g->tree, node);
    o->off_heap = 0;
    for (size_t i = 0; i < outside->list.n; i++)
        if (graph_tree_dominates(g->tree, node, outside->list.at[i].node))
            o->off_heap += outside->list.at[i].bytes;
    climb(look, g, node, o);
    return 0;
}

/* What lives and cannot be reached from the roots without going through any of them. */
static void sum_up(struct heap_look *look, const struct heap_graph *g, struct retained *r) {
    const struct heap_outside *outside = heap_look_outside(look);
    struct graph_nodes them = {0};
    for (size_t i = 0; i < r->list.n; i++)
        vec_push(&them, v8_node_at(look->view->nodes, r->list.at[i].addr));
    cleanup_free uint64_t *left =
        graph_reach(g->graph, graph_successors(g->graph, graph_root_id(g->graph)),
                    (struct graph_list){them.at, (uint32_t)them.n});
    struct retained_sum sum = {0};
    uint32_t n = graph_node_count(g->graph);
    for (uint32_t node = 0; node < n; node++)
        if (graph_is_live(g->graph, node) && !bits_get(left, node)) {
            sum.bytes += v8_node_bytes(look->view->nodes, node);
            sum.count++;
        }
    for (size_t i = 0; i < outside->list.n; i++) {
        uint32_t node = outside->list.at[i].node;
        if (graph_is_live(g->graph, node) && !bits_get(left, node))
            sum.off_heap += outside->list.at[i].bytes;
    }
    sum.bytes += sum.off_heap;
    r->together = sum;
    vec_free(&them);
}

static void forget(struct retained_object *o) {
    for (size_t i = 0; i < o->chain.n; i++) {
        free(o->chain.at[i].class);
        free(o->chain.at[i].summary);
    }
    vec_free(&o->chain);
    free(o->class);
    free(o->summary);
    *o = (struct retained_object){.addr = o->addr};
}

int retained_see(void *retained, const struct v8_view *view, struct err *e) {
    struct retained *r = retained;
    struct heap_look look;
    const struct heap_graph *graph;
    for (size_t i = 0; i < r->list.n; i++)
        forget(&r->list.at[i]); /* of a look that was given up */
    int rc = heap_look_open(view, &look, e);
    if (rc < 0)
        return rc;
    look.keeps = HEAP_KEEPS_EDGES;
    rc = heap_look_graph(&look, &graph, e);
    for (size_t i = 0; i < r->list.n && rc == 0; i++)
        rc = describe(&look, graph, &r->list.at[i], e);
    if (rc == 0)
        sum_up(&look, graph, r);
    heap_look_done(&look);
    return rc;
}

void retained_done(struct retained *r) {
    for (size_t i = 0; i < r->list.n; i++)
        forget(&r->list.at[i]);
    vec_free(&r->list);
}
