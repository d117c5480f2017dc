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
    struct map64 rows;   /* key of a row -> its index in h->classes */
    uint32_t *class_row; /* the same by class, asked for most; GRAPH_NONE: none yet */
    uint64_t *left_out;  /* nodes that do not fit the query; NULL: all do */
};

/* The names of the properties that all objects of a shape have; NULL for what is no object. */
static char *property_names(struct heap_look *look, uint32_t node) {
    struct v8_properties p;
    struct v8_property one;
    struct v8_objects *o = &look->objects;
    uint64_t addr = heap_look_addr(look, node);
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

static uint32_t map_of(const struct counting *c, uint32_t node) {
    return v8_node_map(c->look->view->nodes, node);
}

static uint64_t key_of(const struct counting *c, uint32_t node, uint32_t *ret_origin) {
    if (c->h->by == HISTOGRAM_BY_SHAPE)
        return map_of(c, node) + 1ull;
    uint32_t class = v8_class_of(c->classes, node);
    *ret_origin = c->h->by == HISTOGRAM_BY_SCRIPT ? origins_of(c->origins, node) : ORIGIN_NONE;
    return ((uint64_t) class << 32 | *ret_origin) + 1;
}

static uint32_t new_row(struct counting *c, uint32_t node, uint32_t origin) {
    const char *name = v8_class_name(c->classes, v8_class_of(c->classes, node));
    struct histogram_class row = {.name = mem_strdup(name)};
    if (c->h->by == HISTOGRAM_BY_SHAPE) {
        row.shape = heap_look_addr(c->look, map_of(c, node));
        row.properties = property_names(c->look, node);
    }
    if (c->h->by == HISTOGRAM_BY_SCRIPT && origin != ORIGIN_NONE) {
        row.script = mem_strdup(c->origins->list.at[origin].script);
        row.line = c->origins->list.at[origin].line;
    }
    vec_push(&c->h->classes, row);
    return (uint32_t)c->h->classes.n - 1;
}

static uint32_t row_of(void *counting, uint32_t node) {
    struct counting *c = counting;
    uint64_t row;
    uint32_t origin = ORIGIN_NONE;
    if (c->left_out && bits_get(c->left_out, node))
        return GRAPH_NONE;
    if (c->h->by == HISTOGRAM_BY_CLASS) {
        uint32_t *of_class = &c->class_row[v8_class_of(c->classes, node)];
        if (*of_class == GRAPH_NONE)
            *of_class = new_row(c, node, origin);
        return *of_class;
    }
    uint64_t key = key_of(c, node, &origin);
    if (!map64_get(&c->rows, key, &row)) {
        row = new_row(c, node, origin);
        map64_put(&c->rows, key, row);
    }
    return (uint32_t)row;
}

static void count_objects(struct counting *c) {
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

int histogram_see(void *histogram, const struct v8_view *view, struct err *e) {
    struct histogram *h = histogram;
    struct heap_look look;
    histogram_done(h); /* of a look that was given up */
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    look.keeps_maps = true;
    struct origins origins = origins_open(&look);
    struct counting c = {
        .h = h, .look = &look, .classes = heap_look_classes(&look), .origins = &origins};
    size_t n_classes = v8_classes_count(c.classes) + 1u;
    c.class_row = mem_grow(NULL, n_classes, sizeof *c.class_row);
    memset(c.class_row, 0xff, n_classes * sizeof *c.class_row); /* GRAPH_NONE */
    r = leave_out(&c, e);
    if (r == 0) {
        count_objects(&c);
        add_outside(&c);
    }
    if (r == 0 && h->with_retained)
        r = add_retained(&c, e);
    free(c.class_row);
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
