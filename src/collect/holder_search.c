#include "collect/holder_search.h"

#include "base/search.h"
#include "collect/origins.h"
#include "v8/nodes.h"
#include <string.h>

enum {
    KEPT_MAX = 2000,   /* those that hold most: 8 MB of ours */
    MEMBER_BYTES = 64, /* what a member counts for beside what it retains: an object of its own */
    SAMPLED = 256,     /* members asked for their class */
};

struct finding {
    struct holder_scan scan;
    struct v8_classes *classes;
    struct origins origins;
    VEC(struct held_at) outside; /* by position: what is held outside the heap, with all before */
};

struct held_at {
    uint32_t position;
    uint64_t bytes;
};

/* --- what they hold outside the heap --- */

static int by_position(const void *a, const void *b) {
    const struct held_at *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

static void sum_outside(struct finding *f) {
    const struct heap_outside *o = heap_look_outside(f->scan.look);
    uint64_t sum = 0;
    for (size_t i = 0; i < o->list.n; i++) {
        uint32_t position = graph_tree_position(f->scan.tree, o->list.at[i].node);
        if (position != GRAPH_NONE)
            vec_push(&f->outside, (struct held_at){position, o->list.at[i].bytes});
    }
    vec_sort(&f->outside, by_position);
    for (size_t i = 0; i < f->outside.n; i++)
        f->outside.at[i].bytes = sum += f->outside.at[i].bytes;
}

static uint64_t outside_before(const struct finding *f, uint32_t position) {
    size_t n = first_where(f->outside.n, i, f->outside.at[i].position >= position);
    return n ? f->outside.at[n - 1].bytes : 0;
}

/* --- of what its members are --- */

struct tally {
    uint32_t class, node; /* the last of it */
    uint64_t count;
};
struct tallies {
    VEC(struct tally) list;
};

static void count_class(struct tallies *t, uint32_t class, uint32_t node) {
    for (size_t i = 0; i < t->list.n; i++)
        if (t->list.at[i].class == class) {
            t->list.at[i].count++;
            t->list.at[i].node = node;
            return;
        }
    vec_push(&t->list, (struct tally){class, node, 1});
}

/* The most frequent; classes of the program before V8's own "(string)" and the like. */
static const struct tally *most_frequent(const struct finding *f, const struct tallies *t) {
    const struct tally *best = NULL;
    bool best_is_object = false;
    for (size_t i = 0; i < t->list.n; i++) {
        bool is_object = v8_class_name(f->classes, t->list.at[i].class)[0] != '(';
        if (!best || is_object > best_is_object ||
            (is_object == best_is_object && t->list.at[i].count > best->count)) {
            best = &t->list.at[i];
            best_is_object = is_object;
        }
    }
    return best;
}

/* Many of one class hang on it; false when they are of V8's own, or not many of any. */
static bool count_hanging(struct finding *f, struct holder_place *p) {
    struct tallies t = {0};
    const struct graph_tree *tree = f->scan.tree;
    uint32_t end = graph_tree_end(tree, p->position);
    for (uint32_t at = p->position + 1; at < end; at = graph_tree_end(tree, at)) {
        uint32_t node = graph_tree_node(tree, at);
        count_class(&t, v8_class_of(f->classes, node), node);
    }
    const struct tally *best = most_frequent(f, &t);
    bool found = best && v8_class_name(f->classes, best->class)[0] != '(' &&
                 best->count >= HOLDER_MEMBERS_MIN;
    if (found) {
        p->class = best->class;
        p->members = best->count;
    }
    vec_free(&t.list);
    return found;
}

static void describe_members(struct finding *f, const struct graph_nodes *members,
                             struct holder *h) {
    struct tallies t = {0};
    size_t step = members->n / SAMPLED | 1; /* odd: of a table keys and values take turns */
    for (size_t i = 0; i < members->n; i += step)
        count_class(&t, v8_class_of(f->classes, members->at[i]), members->at[i]);
    const struct tally *best = most_frequent(f, &t);
    if (best) {
        h->member_class = mem_strdup(v8_class_name(f->classes, best->class));
        uint32_t origin = origins_of(&f->origins, best->node);
        if (origin != ORIGIN_NONE) {
            h->script = mem_strdup(f->origins.list.at[origin].script);
            h->script_line = f->origins.list.at[origin].line;
        }
    }
    vec_free(&t.list);
}

/* --- all of one --- */

static bool is_young(const struct heap_look *look, uint64_t addr) {
    const struct v8_page *g = v8_pages_at(&look->view->heap->pages, addr);
    return !g || g->space == V8_NEW;
}

/* Numbers are asked for where objects are not most of the members. */
static void sketch_members(struct finding *f, const struct holder_place *p,
                           const struct graph_nodes *members, struct holder *ret) {
    struct holder_numbers numbers = {0};
    for (size_t i = 0; i < members->n; i++) {
        uint64_t addr = heap_look_addr(f->scan.look, members->at[i]);
        if (is_young(f->scan.look, addr))
            continue;
        sketch_add(&ret->sketch, addr);
        ret->lasting++;
    }
    if (members->n < p->members / 2)
        holder_numbers(&f->scan, p, &numbers);
    for (size_t i = 0; i < numbers.list.n; i++)
        sketch_add(&ret->sketch, numbers.list.at[i]);
    ret->lasting += numbers.list.n;
    vec_free(&numbers.list);
    sketch_finish(&ret->sketch);
}

static struct holder describe(struct finding *f, const struct holder_place *p, uint32_t *ret_next) {
    struct heap_look *look = f->scan.look;
    struct graph_nodes members = {0};
    uint64_t addr = heap_look_addr(look, p->node);
    uint32_t end = graph_tree_end(f->scan.tree, p->position);
    struct holder h = {
        .kind = p->kind,
        .addr = addr,
        .is_moving = is_young(look, addr),
        .class = mem_strdup(v8_class_name(f->classes, v8_class_of(f->classes, p->node))),
        .members = p->members,
        .shallow = holder_shallow(&f->scan, p->node),
        .retained = p->retained,
        .off_heap = outside_before(f, end) - outside_before(f, p->position),
        .position = p->position,
        .end = end,
    };
    holder_members(&f->scan, p, &members);
    describe_members(f, &members, &h);
    sketch_members(f, p, &members, &h);
    *ret_next = p->kind == HOLDER_LINKED && members.n > 1 ? members.at[1] : V8_NO_NODE;
    vec_free(&members);
    return h;
}

static uint64_t weight(const struct holder_place *p) {
    return p->retained + MEMBER_BYTES * p->members;
}

static int heaviest_first(const void *a, const void *b) {
    const struct holder_place *x = a, *y = b;
    if (weight(x) != weight(y))
        return weight(x) > weight(y) ? -1 : 1;
    return x->position != y->position ? (x->position > y->position) - (x->position < y->position)
                                      : (int)x->kind - (int)y->kind;
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
                       .members = c->isolates.n - 1};
    vec_push(&h.steps, mem_strdup("worker threads"));
    for (size_t i = 1; i < c->isolates.n; i++) {
        const struct v8_isolate_census *iso = &c->isolates.at[i];
        for (int space = 0; space < V8_SPACES; space++)
            h.retained += iso->space[space].live;
        h.off_heap += iso->array_buffer_bytes - iso->array_buffer_garbage;
        sketch_add(&h.sketch, iso->isolate);
    }
    h.retained += h.off_heap;
    h.lasting = h.members;
    sketch_finish(&h.sketch);
    vec_push(&ret->list, h);
}

static void find(struct finding *f, const struct holders *earlier, struct holders *ret) {
    struct holder_places places = {0};
    VEC(struct holder_nodes) nodes = {0};
    holder_places_find(&f->scan, &places);
    vec_sort(&places.list, heaviest_first);
    for (size_t i = 0; i < places.list.n && ret->list.n < KEPT_MAX; i++) {
        struct holder_place *p = &places.list.at[i];
        if (p->kind == HOLDER_OWNER && !count_hanging(f, p))
            continue;
        struct holder_nodes n = {.node = p->node};
        vec_push(&ret->list, describe(f, p, &n.next));
        vec_push(&nodes, n);
    }
    holder_paths_name(f->scan.look, nodes.at, earlier, ret);
    add_workers(f->scan.look->view, ret);
    vec_free(&nodes);
    vec_free(&places.list);
}

int holder_search(struct heap_look *look, const struct holders *earlier, struct holders *ret,
                  struct err *e) {
    const struct heap_graph *graph;
    int r = heap_look_graph(look, &graph, e);
    if (r < 0)
        return r;
    struct finding f = {.scan = {.look = look, .tree = graph->tree},
                        .classes = heap_look_classes(look),
                        .origins = origins_open(look)};
    f.scan.shapes = mem_zalloc(v8_nodes_count(look->view->nodes) + 1ull);
    sum_outside(&f);
    find(&f, earlier, ret);
    free(f.scan.shapes);
    vec_free(&f.outside);
    origins_done(&f.origins);
    return 0;
}
