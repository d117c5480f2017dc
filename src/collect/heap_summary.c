#include "collect/heap_summary.h"

#include "base/clock.h"
#include "collect/holder_search.h"

static int count(struct histogram *h, enum histogram_by by, const struct v8_view *view,
                 struct err *e) {
    h->by = by;
    return histogram_see(h, view, e);
}

static int find_holders(struct heap_summary *s, const struct v8_view *view, struct err *e) {
    struct heap_look look;
    const struct heap_graph *graph;
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    r = heap_look_graph(&look, &graph, e);
    if (r == 0) {
        s->live_bytes = graph_tree_retained(graph->tree, graph_root_id(graph->graph));
        r = holder_search(&look, s->earlier, &s->holders, e);
    }
    heap_look_done(&look);
    return r;
}

int heap_summary_see(void *heap_summary, const struct v8_view *view, struct err *e) {
    struct heap_summary *s = heap_summary;
    heap_summary_done(s); /* of a look that was given up */
    s->seen_ns = clock_ns();
    int r = count(&s->classes, HISTOGRAM_BY_CLASS, view, e);
    if (r == 0)
        r = count(&s->shapes, HISTOGRAM_BY_SHAPE, view, e);
    if (r == 0)
        r = count(&s->sources, HISTOGRAM_BY_SCRIPT, view, e);
    return r == 0 ? find_holders(s, view, e) : r;
}

void heap_summary_done(struct heap_summary *s) {
    histogram_done(&s->classes);
    histogram_done(&s->shapes);
    histogram_done(&s->sources);
    holders_done(&s->holders);
    s->live_bytes = 0;
}
