#include "collect/instances.h"

#include "v8/nodes.h"

/* What fits, before it is sorted: largest first, equal ones by address. */
struct found {
    uint32_t node;
    uint64_t bytes;
};

static int largest_first(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

struct finding {
    struct instances *s;
    struct query_run query;
    const struct heap_graph *graph; /* NULL: no retained sizes */
    VEC(struct found) found;
};

static void find(struct finding *f) {
    const struct v8_nodes *nodes = f->query.look->view->nodes;
    struct instances *s = f->s;
    uint32_t n = v8_nodes_count(nodes);
    for (uint32_t node = 0; node < n; node++) {
        if (!query_matches(&f->query, node))
            continue;
        uint64_t shallow = v8_node_bytes(nodes, node), bytes = 0;
        s->count++;
        s->shallow += shallow;
        if (s->order == INSTANCES_BY_SHALLOW)
            bytes = shallow;
        else if (s->order == INSTANCES_BY_RETAINED)
            bytes = graph_tree_retained(f->graph->tree, node);
        else if (s->limit && s->count > s->limit)
            continue;
        vec_push(&f->found, (struct found){node, bytes});
    }
    if (s->order != INSTANCES_BY_ADDR) /* nodes are numbered by address */
        vec_sort(&f->found, largest_first);
}

static void list(struct finding *f) {
    struct heap_look *look = f->query.look;
    struct v8_classes *classes = heap_look_classes(look);
    struct instances *s = f->s;
    for (size_t i = 0; i < f->found.n && (!s->limit || i < s->limit); i++) {
        uint32_t node = f->found.at[i].node;
        struct instance one = {
            .addr = heap_look_addr(look, node),
            .class = mem_strdup(v8_class_name(classes, v8_class_of(classes, node))),
            .summary =
                s->with_details ? heap_look_details(look, node) : heap_look_summary(look, node),
            .shallow = v8_node_bytes(look->view->nodes, node),
            .retained = f->graph ? graph_tree_retained(f->graph->tree, node) : 0,
            .live = heap_look_is_live(look, node),
        };
        vec_push(&s->list, one);
    }
}

int instances_see(void *instances, const struct v8_view *view, struct err *e) {
    struct instances *s = instances;
    struct finding f = {.s = s};
    struct heap_look look;
    struct origins origins;
    instances_done(s); /* of a look that was given up */
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    look.keeps = HEAP_KEEPS_MAPS;
    origins = origins_open(&look);
    if (s->with_retained || s->order == INSTANCES_BY_RETAINED)
        r = heap_look_graph(&look, &f.graph, e);
    if (r == 0)
        r = query_open(&s->query, &look, &origins, &f.query, e);
    if (r == 0) {
        find(&f);
        list(&f);
        query_done(&f.query);
    }
    vec_free(&f.found);
    origins_done(&origins);
    heap_look_done(&look);
    return r;
}

void instances_done(struct instances *s) {
    for (size_t i = 0; i < s->list.n; i++) {
        free(s->list.at[i].class);
        free(s->list.at[i].summary);
    }
    vec_free(&s->list);
    s->count = s->shallow = 0;
}
