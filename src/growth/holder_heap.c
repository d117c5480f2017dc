#include "growth/holder_heap.h"

#include "base/hash.h"
#include "base/search.h"
#include "v8/contexts.h"
#include "v8/nodes.h"
#include "v8/strings.h"

static enum holder_shape shape_of(struct holder_scan *s, uint32_t node) {
    struct v8_objects *o = &s->look->objects;
    uint64_t addr = heap_look_addr(s->look, node);
    switch (v8_type(o, addr)) {
    case TYPE_JS_ARRAY:
        return SHAPE_ARRAY;
    case TYPE_JS_MAP:
    case TYPE_JS_SET:
        return SHAPE_TABLE;
    case TYPE_JS_PROMISE:
        return SHAPE_LINK;
    case TYPE_JS_ARRAY_BUFFER:
        return SHAPE_LARGE;
    case TYPE_JS_GLOBAL_OBJECT:
    case TYPE_JS_TYPED_ARRAY:
    case TYPE_JS_DATA_VIEW:
        return SHAPE_NONE;
    default:
        break;
    }
    enum v8_kind k = v8_kind(o, addr);
    if (k == KIND_STRING)
        return v8_string_form(s->look->view->l, v8_instance_type(o, addr)) == STRING_CONS
                   ? SHAPE_LINK
                   : SHAPE_LARGE;
    if (k == KIND_RECEIVER)
        return SHAPE_OBJECT;
    return v8_is_context(o, addr) && !v8_is_native_context(o, addr) ? SHAPE_CONTEXT : SHAPE_NONE;
}

enum holder_shape holder_shape_of(struct holder_scan *s, uint32_t node) {
    uint8_t *shape = &s->shapes[v8_node_map(s->look->view->nodes, node)];
    if (!*shape)
        *shape = (uint8_t)(shape_of(s, node) + 1);
    return (enum holder_shape)(*shape - 1);
}

/* Contexts of all functions have one map: what tells them apart is the scope, their first slot. */
static uint32_t link_key(void *scan, uint32_t node) {
    struct holder_scan *s = scan;
    size_t n;
    const uint32_t *refs = v8_node_refs(s->look->view->nodes, node, &n);
    switch (holder_shape_of(s, node)) {
    case SHAPE_CONTEXT:
        return n > 1 ? V8_REF_NODE(refs[1]) : GRAPH_NONE;
    case SHAPE_OBJECT:
    case SHAPE_LINK:
        return V8_REF_NODE(refs[0]);
    default:
        return GRAPH_NONE;
    }
}

/* --- what they hold outside the heap --- */

static int by_position(const void *a, const void *b) {
    const struct holder_outside *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

static void sum_outside(struct holder_scan *s) {
    const struct heap_outside *o = heap_look_outside(s->look);
    uint64_t sum = 0;
    for (size_t i = 0; i < o->list.n; i++) {
        uint32_t position = graph_tree_position(s->tree, o->list.at[i].node);
        if (position != GRAPH_NONE)
            vec_push(&s->outside, (struct holder_outside){position, o->list.at[i].bytes});
    }
    vec_sort(&s->outside, by_position);
    for (size_t i = 0; i < s->outside.n; i++)
        s->outside.at[i].bytes = sum += s->outside.at[i].bytes;
}

static uint64_t outside_before(const struct holder_scan *s, uint32_t position) {
    size_t n = first_where(s->outside.n, i, s->outside.at[i].position >= position);
    return n ? s->outside.at[n - 1].bytes : 0;
}

/* --- one --- */

static bool is_young(const struct holder_scan *s, uint64_t addr) {
    const struct v8_page *g = v8_pages_at(&s->look->view->heap->pages, addr);
    return !g || g->space == V8_NEW;
}

static void describe_origin(struct holder_scan *s, uint32_t member, struct holder *h) {
    uint32_t origin = member == GRAPH_NONE ? ORIGIN_NONE : origins_of(&s->origins, member);
    if (origin == ORIGIN_NONE)
        return;
    h->script = mem_strdup(s->origins.list.at[origin].script);
    h->script_line = s->origins.list.at[origin].line;
}

/* Numbers are asked for where objects are not most of the members. */
static void sketch_numbers(struct holder_scan *s, const struct holder_place *p, struct holder *h) {
    struct holder_numbers numbers = {0};
    if (h->lasting >= p->members / 2)
        return;
    holder_numbers(s, p, &numbers);
    for (size_t i = 0; i < numbers.list.n; i++)
        sketch_add(&h->sketch, numbers.list.at[i]);
    h->lasting += numbers.list.n;
    vec_free(&numbers.list);
}

static void describe(void *scan, const struct holder_place *p, uint32_t member, struct holder *h) {
    struct holder_scan *s = scan;
    h->addr = heap_look_addr(s->look, p->node);
    h->is_moving = is_young(s, h->addr);
    h->shallow = holder_shallow(s, p->node);
    h->off_heap = outside_before(s, h->end) - outside_before(s, h->position);
    describe_origin(s, member, h);
    sketch_numbers(s, p, h);
}

/* Workers are no objects of the heap: each has one of its own. */
static void add_workers(const struct v8_view *view, struct holders *ret) {
    const struct v8_census *c = view->census;
    if (c->isolates.n < 2)
        return;
    struct holder h = {.kind = HOLDER_WORKERS,
                       .is_moving = true,
                       .class = mem_strdup("Worker"),
                       .line = mem_strdup("worker threads"),
                       .members = c->isolates.n - 1,
                       .lasting = c->isolates.n - 1};
    vec_push(&h.steps, mem_strdup("worker threads"));
    for (size_t i = 1; i < c->isolates.n; i++) {
        const struct v8_isolate_census *iso = &c->isolates.at[i];
        for (int space = 0; space < V8_SPACES; space++)
            h.retained += iso->space[space].live;
        h.off_heap += iso->array_buffer_bytes - iso->array_buffer_garbage;
        sketch_add(&h.sketch, iso->isolate);
    }
    h.retained += h.off_heap;
    sketch_finish(&h.sketch);
    vec_push(&ret->list, h);
}

/* An object that was there and is there no more has its place taken by one of another shape, if by
 * any. */
static void sketch_young(const struct v8_view *view, struct sketch *ret) {
    const struct v8_pages *pages = &view->heap->pages;
    for (size_t i = 0; i < pages->list.n; i++) {
        uint32_t from, to;
        if (pages->list.at[i].space != V8_NEW)
            continue;
        v8_nodes_of_page(view->nodes, i, &from, &to);
        for (uint32_t node = from; node < to; node++) {
            uint64_t map = v8_node_addr(view->nodes, v8_node_map(view->nodes, node));
            sketch_add(ret, hash_mix(v8_node_addr(view->nodes, node), map));
        }
    }
    sketch_finish(ret);
}

/* --- as a heap to be searched --- */

static enum holder_shape heap_shape_of(void *scan, uint32_t node) {
    return holder_shape_of(scan, node);
}

static uint64_t heap_count_members(void *scan, uint32_t node, enum holder_shape shape) {
    return holder_count_members(scan, node, shape);
}

static void heap_members(void *scan, uint32_t node, struct graph_nodes *ret) {
    holder_members(scan, node, ret);
}

static uint32_t heap_class_of(void *scan, uint32_t node) {
    struct holder_scan *s = scan;
    return v8_class_of(heap_look_classes(s->look), node);
}

static const char *heap_class_name(void *scan, uint32_t class) {
    struct holder_scan *s = scan;
    return v8_class_name(heap_look_classes(s->look), class);
}

static uint64_t heap_identity(void *scan, uint32_t node, bool *ret_may_move) {
    struct holder_scan *s = scan;
    uint64_t addr = heap_look_addr(s->look, node);
    *ret_may_move = is_young(s, addr);
    return addr;
}

static void heap_name(void *scan, const struct holder_nodes *nodes, const struct holders *earlier,
                      struct holders *ret) {
    struct holder_scan *s = scan;
    holder_paths_name(s->look, nodes, earlier, ret);
}

int holder_heap_search(struct heap_look *look, const struct holders *earlier, struct holders *ret,
                       struct err *e) {
    const struct heap_graph *graph;
    int r = heap_look_graph(look, &graph, e);
    if (r < 0)
        return r;
    struct holder_scan s = {.look = look, .tree = graph->tree, .origins = origins_open(look)};
    s.shapes = mem_zalloc(v8_nodes_count(look->view->nodes) + 1ull);
    sum_outside(&s);
    struct holder_heap heap = {.ctx = &s,
                               .tree = graph->tree,
                               .shape_of = heap_shape_of,
                               .link_key = link_key,
                               .count_members = heap_count_members,
                               .members = heap_members,
                               .class_of = heap_class_of,
                               .class_name = heap_class_name,
                               .identity = heap_identity,
                               .describe = describe,
                               .name = heap_name};
    holder_search(&heap, earlier, ret);
    add_workers(look->view, ret);
    sketch_young(look->view, &ret->young);
    free(s.shapes);
    vec_free(&s.outside);
    origins_done(&s.origins);
    return 0;
}
