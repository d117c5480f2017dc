#include "growth/heap_summary.h"

#include "base/clock.h"
#include "base/hash.h"
#include "growth/holder_file.h"
#include "growth/holder_heap.h"
#include <string.h>

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
        r = holder_heap_search(&look, s->earlier, &s->holders, e);
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
    if (r == 0)
        r = find_holders(s, view, e);
    return r == 0 && s->with_suspects ? suspects_see(&s->suspects, view, e) : r;
}

/* --- of a file --- */

static void count_file(const struct opened *o, struct heap_summary *s) {
    struct opened_classes classes = {0};
    opened_histogram(o, &classes);
    for (size_t i = 0; i < classes.list.n; i++) {
        const struct opened_class *c = &classes.list.at[i];
        vec_push(&s->classes.classes, (struct histogram_class){.name = mem_strdup(c->name),
                                                               .count = c->count,
                                                               .shallow = c->shallow,
                                                               .retained = c->retained});
    }
    vec_free(&classes.list);
}

static void sketch_ids(const struct opened *o, struct sketch *ret) {
    for (uint32_t node = 0; node < o->f->nodes; node++) {
        if (o->f->kind[node] != HEAPFILE_OBJECT)
            continue;
        const char *name = o->classes.names.at[heapfile_class_of(&o->classes, node)];
        sketch_add(ret, hash_add(o->f->id[node], name, strlen(name)));
    }
    sketch_finish(ret);
}

int heap_summary_read(const char *path, struct progress *p, struct heap_summary *ret,
                      struct err *e) {
    struct opened o;
    heap_summary_done(ret);
    ret->seen_ns = clock_ns();
    ret->is_file = true;
    int r = opened_open(path, p, &o, e);
    if (r < 0)
        return r;
    count_file(&o, ret);
    sketch_ids(&o, &ret->ids);
    ret->live_bytes = heapfile_retained(&o.graph, o.f->root);
    r = holder_file_search(&o, ret->earlier, &ret->holders, e);
    opened_done(&o);
    return r;
}

bool heap_summary_shares_ids(const struct heap_summary *then, const struct heap_summary *now) {
    uint32_t kept, asked = sketch_compare(&then->ids, &now->ids, &kept);
    return then->is_file && now->is_file && asked && kept >= asked / 2;
}

void heap_summary_done(struct heap_summary *s) {
    histogram_done(&s->classes);
    histogram_done(&s->shapes);
    histogram_done(&s->sources);
    holders_done(&s->holders);
    sketch_done(&s->ids);
    suspects_done(&s->suspects);
    s->live_bytes = 0;
}
