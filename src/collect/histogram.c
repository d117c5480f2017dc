#include "collect/histogram.h"

#include "base/bits.h"
#include "base/map64.h"
#include "graph/classes.h"
#include "v8/nodes.h"
#include "v8/properties.h"
#include "v8/values.h"
#include <string.h>

enum { PROPERTIES_SHOWN = 8 };

/* While the objects are counted. */
struct counting {
    struct histogram *h;
    struct heap_look *look;
    struct v8_classes *classes;
    struct origins *origins;
    uint32_t *shape_row; /* by shape, unless it is by script; GRAPH_NONE: none */
    struct map64 rows;   /* by script: class and origin -> row */
    uint64_t *left_out;  /* nodes that do not fit the query; NULL: all do */
};

/* The names of the properties that all objects of a shape have; NULL for what is no object. */
static char *property_names(struct heap_look *look, uint64_t addr) {
    struct v8_properties p;
    struct v8_property one;
    struct v8_objects *o = &look->objects;
    if (!v8_is_receiver(v8_kind(o, addr)))
        return NULL;
    v8_properties_open(o, addr, &p);
    if (!p.is_fast)
        return mem_strdup("{a dictionary}");
    char *all = mem_strdup("");
    for (int n = 0; v8_properties_next(&p, &one); n++) {
        cleanup_free char *key = v8_key_text(o, one.key);
        char *longer = mem_printf("%s%s%s", all, n ? ", " : "",
                                  n < PROPERTIES_SHOWN ? (key ? key : "?") : "...");
        free(all);
        all = longer;
        if (n == PROPERTIES_SHOWN)
            break;
    }
    char *braced = mem_printf("{%s}", all);
    free(all);
    return braced;
}

static uint32_t new_row(struct counting *c, uint32_t class) {
    vec_push(&c->h->classes,
             (struct histogram_class){.name = mem_strdup(v8_class_name(c->classes, class))});
    return (uint32_t)c->h->classes.n - 1;
}

/* --- by class and by shape: one look at each shape --- */

static bool shape_fits(const struct counting *c, const struct v8_shape *one, uint32_t class) {
    const struct query *q = &c->h->query;
    return (!q->shape || one->map == (q->shape | 1)) &&
           (!q->class || query_fits(q->class, v8_class_name(c->classes, class)));
}

/* The row of a shape, new if need be; `class_row` has those of classes. */
static uint32_t row_of_shape(struct counting *c, uint32_t *class_row, uint32_t class,
                             const struct v8_shape *one) {
    if (c->h->by == HISTOGRAM_BY_CLASS) {
        if (class_row[class] == GRAPH_NONE)
            class_row[class] = new_row(c, class);
        return class_row[class];
    }
    uint32_t row = new_row(c, class);
    c->h->classes.at[row].shape = one->map;
    c->h->classes.at[row].properties = property_names(c->look, one->first);
    return row;
}

static uint32_t *no_rows(size_t n) {
    uint32_t *rows = mem_grow(NULL, n + 1, sizeof *rows);
    memset(rows, 0xff, (n + 1) * sizeof *rows); /* GRAPH_NONE */
    return rows;
}

static void count_shapes(struct counting *c) {
    const struct v8_view *view = c->look->view;
    const struct v8_shapes *shapes = v8_classes_shapes(c->classes);
    struct v8_shapes fitting = {0};
    cleanup_free uint32_t *class_row = no_rows(v8_classes_count(c->classes));
    c->shape_row = no_rows(shapes->list.n);
    if (c->left_out) {
        fitting = v8_shapes_of_nodes(view->nodes, view->live, c->left_out);
        shapes = &fitting;
    }
    for (size_t i = 0; i < shapes->list.n; i++) {
        const struct v8_shape *one = &shapes->list.at[i];
        uint32_t shape = v8_shape_of_map(c->classes, one->map);
        uint32_t class = v8_class_of_shape(c->classes, shape);
        if (!c->left_out && !shape_fits(c, one, class))
            continue;
        uint32_t row = c->shape_row[shape] = row_of_shape(c, class_row, class, one);
        struct histogram_class *sum = &c->h->classes.at[row];
        sum->count += one->count;
        sum->shallow += one->bytes;
        sum->garbage_count += one->garbage_count;
        sum->garbage_bytes += one->garbage_bytes;
    }
    v8_shapes_done(&fitting);
}

/* --- by script: functions of one shape come from anywhere --- */

static uint32_t row_of_script(struct counting *c, uint32_t node) {
    uint32_t class = v8_class_of(c->classes, node), origin = origins_of(c->origins, node);
    uint64_t row, key = ((uint64_t) class << 32 | origin) + 1;
    if (map64_get(&c->rows, key, &row))
        return (uint32_t)row;
    row = new_row(c, class);
    map64_put(&c->rows, key, row);
    if (origin != ORIGIN_NONE) {
        c->h->classes.at[row].script = mem_strdup(c->origins->list.at[origin].script);
        c->h->classes.at[row].line = c->origins->list.at[origin].line;
    }
    return (uint32_t)row;
}

static uint32_t row_of(void *counting, uint32_t node) {
    struct counting *c = counting;
    if (c->left_out && bits_get(c->left_out, node))
        return GRAPH_NONE;
    return c->shape_row ? c->shape_row[v8_shape_of(c->classes, node)] : row_of_script(c, node);
}

static void count_by_script(struct counting *c) {
    const struct v8_view *view = c->look->view;
    uint32_t n = v8_nodes_count(view->nodes);
    for (uint32_t node = 0; node < n; node++) {
        uint32_t row = row_of(c, node);
        if (row == GRAPH_NONE)
            continue;
        struct histogram_class *one = &c->h->classes.at[row];
        uint64_t bytes = v8_node_bytes(view->nodes, node);
        one->count++;
        one->shallow += bytes;
        if (!heap_look_is_live(c->look, node)) {
            one->garbage_count++;
            one->garbage_bytes += bytes;
        }
    }
}

/* --- what hangs on them --- */

static void add_outside(struct counting *c) {
    const struct heap_outside *outside = heap_look_outside(c->look);
    for (size_t i = 0; i < outside->list.n; i++) {
        const struct heap_held *held = &outside->list.at[i];
        uint32_t row = row_of(c, held->node);
        if (row == GRAPH_NONE)
            continue;
        c->h->classes.at[row].off_heap += held->bytes;
        if (heap_look_is_live(c->look, held->node))
            c->h->classes.at[row].off_heap_live += held->bytes;
    }
}

/* The same without nodes. */
static void add_stores(struct counting *c) {
    const struct v8_census *census = c->look->view->census;
    for (size_t i = 0; i < census->stores.n; i++) {
        const struct v8_store *s = &census->stores.at[i];
        uint64_t map = v8_field_or_0(&c->look->objects, s->holder | 1, 0);
        uint32_t shape = v8_shape_of_map(c->classes, map);
        if (!s->resizable && shape != V8_NO_NODE && c->shape_row[shape] != GRAPH_NONE)
            c->h->classes.at[c->shape_row[shape]].off_heap += s->bytes;
    }
}

static int add_retained(struct counting *c, struct err *e) {
    struct histogram *h = c->h;
    const struct heap_graph *g;
    int r = heap_look_graph(c->look, &g, e);
    if (r < 0)
        return r;
    cleanup_free struct graph_class *sums = mem_zalloc((h->classes.n + 1) * sizeof *sums);
    graph_classes(g->tree, (uint32_t)h->classes.n, row_of, c, sums);
    for (size_t i = 0; i < h->classes.n; i++)
        h->classes.at[i].retained = sums[i].retained;
    h->nodes = graph_node_count(g->graph);
    h->edges = graph_edge_count(g->graph);
    return 0;
}

static int leave_out(struct counting *c, struct err *e) {
    struct query_run query;
    if (query_is_any(&c->h->query))
        return 0;
    int r = query_open(&c->h->query, c->look, c->origins, &query, e);
    if (r < 0)
        return r;
    uint32_t n = v8_nodes_count(c->look->view->nodes);
    c->left_out = bits_new(n);
    for (uint32_t node = 0; node < n; node++)
        if (!query_matches(&query, node))
            bits_set(c->left_out, node);
    query_done(&query);
    return 0;
}

static int count_nodes(struct counting *c, struct err *e) {
    int r = leave_out(c, e);
    if (r < 0)
        return r;
    if (c->h->by == HISTOGRAM_BY_SCRIPT)
        count_by_script(c);
    else
        count_shapes(c);
    add_outside(c);
    return c->h->with_retained ? add_retained(c, e) : 0;
}

int histogram_see(void *histogram, const struct v8_view *view, struct err *e) {
    struct histogram *h = histogram;
    struct heap_look look;
    histogram_done(h); /* of a look that was given up */
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    look.keeps = HEAP_KEEPS_MAPS;
    struct origins origins = origins_open(&look);
    struct counting c = {
        .h = h, .look = &look, .classes = heap_look_classes(&look), .origins = &origins};
    if (view->nodes) {
        r = count_nodes(&c, e);
    } else {
        count_shapes(&c);
        add_stores(&c);
    }
    free(c.shape_row);
    free(c.left_out);
    map64_done(&c.rows);
    origins_done(&origins);
    heap_look_done(&look);
    return r;
}

void histogram_done(struct histogram *h) {
    for (size_t i = 0; i < h->classes.n; i++) {
        free(h->classes.at[i].name);
        free(h->classes.at[i].properties);
        free(h->classes.at[i].script);
    }
    vec_free(&h->classes);
}

/* ---- growth ---- */

static int by_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

/* Shapes that look the same are counted together. */
static int by_what_it_is(const void *a, const void *b) {
    const struct histogram_class *x = *(const struct histogram_class *const *)a,
                                 *y = *(const struct histogram_class *const *)b;
    int d = strcmp(x->name, y->name);
    if (!d)
        d = by_text(x->properties, y->properties);
    if (!d)
        d = by_text(x->script, y->script);
    return d ? d : x->line < y->line ? -1 : x->line > y->line;
}

static const struct histogram_class **sorted(const struct histogram *h) {
    const struct histogram_class **all = mem_grow(NULL, h->classes.n + 1, sizeof *all);
    for (size_t i = 0; i < h->classes.n; i++)
        all[i] = &h->classes.at[i];
    qsort(all, h->classes.n, sizeof *all, by_what_it_is);
    return all;
}

/* All at the front of `at` that are the same thing, added up; returns how many those are. */
static size_t add_up(const struct histogram_class *const *at, size_t n, uint64_t *ret_count,
                     uint64_t *ret_bytes) {
    size_t i = 0;
    *ret_count = *ret_bytes = 0;
    for (; i < n && by_what_it_is(&at[0], &at[i]) == 0; i++) {
        *ret_count += at[i]->count - at[i]->garbage_count;
        *ret_bytes += at[i]->shallow - at[i]->garbage_bytes + at[i]->off_heap_live;
    }
    return i;
}

static int by_growth(const void *a, const void *b) {
    const struct histogram_growth *x = a, *y = b;
    if (x->bytes_delta != y->bytes_delta)
        return x->bytes_delta > y->bytes_delta ? -1 : 1;
    if (x->count_delta != y->count_delta)
        return x->count_delta > y->count_delta ? -1 : 1;
    const struct histogram_class *p = x->now ? x->now : x->then, *q = y->now ? y->now : y->then;
    return by_what_it_is(&p, &q);
}

void histogram_compare(const struct histogram *then, const struct histogram *now,
                       struct histogram_growth_list *ret) {
    cleanup_free const struct histogram_class **a = sorted(then);
    cleanup_free const struct histogram_class **b = sorted(now);
    size_t i = 0, k = 0, n = then->classes.n, m = now->classes.n;
    *ret = (struct histogram_growth_list){0};
    while (i < n || k < m) {
        int order = i == n ? 1 : k == m ? -1 : by_what_it_is(&a[i], &b[k]);
        struct histogram_growth g = {.now = order >= 0 ? b[k] : NULL,
                                     .then = order <= 0 ? a[i] : NULL};
        uint64_t bytes_then = 0, bytes_now = 0;
        if (g.then)
            i += add_up(a + i, n - i, &g.count_then, &bytes_then);
        if (g.now)
            k += add_up(b + k, m - k, &g.count_now, &bytes_now);
        g.count_delta = (int64_t)(g.count_now - g.count_then);
        g.bytes_delta = (int64_t)(bytes_now - bytes_then);
        if (g.count_delta || g.bytes_delta)
            vec_push(&ret->list, g);
    }
    vec_sort(&ret->list, by_growth);
}
