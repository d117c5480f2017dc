#include "collect/dominators.h"

#include "base/search.h"
#include "v8/nodes.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* A place in the tree that is to be shown. */
struct shown {
    uint32_t position, depth;
    uint64_t retained;
};

/* A line of the answer, before they are put in order. */
struct line {
    struct dominator what;
    size_t parent; /* index of another, or NO_LINE */
};

#define NO_LINE SIZE_MAX

struct showing {
    struct dominators *d;
    const struct dominators_heap *heap;
    const struct graph_tree *tree; /* its */
    VEC(struct shown) shown;
    bool was_cut; /* there is more than is to be shown */
    VEC(struct line) lines;
    uint64_t *sums, *numbers, *counts, *shallow; /* by class, of one parent's children */
};

static int largest_first(const void *a, const void *b) {
    const struct shown *x = a, *y = b;
    if (x->retained != y->retained)
        return x->retained > y->retained ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

static int by_position(const void *a, const void *b) {
    const struct shown *x = a, *y = b;
    return x->position < y->position ? -1 : x->position > y->position;
}

/* Of one too many the last is left out, and with it what retains as much: of many equal ones not
 * some are shown. */
static void keep_largest(struct showing *s, uint64_t most) {
    vec_sort(&s->shown, largest_first);
    if (!most || s->shown.n <= most)
        return;
    uint64_t cut = s->shown.at[most].retained;
    size_t n = (size_t)most;
    while (n && s->shown.at[n - 1].retained == cut)
        n--;
    s->shown.n = n ? n : (size_t)most;
}

/* In between, one more than needed, to know that there is one. */
static void forget_small(struct showing *s, uint64_t most) {
    if (!most || s->shown.n < 4 * (most + 1))
        return;
    vec_sort(&s->shown, largest_first);
    s->shown.n = (size_t)most + 1;
}

/* Whatever is shown, what dominates it is larger, so shown too. */
static void choose(struct showing *s, uint32_t top) {
    const struct dominators *d = s->d;
    const struct graph_tree *t = s->tree;
    VEC(uint32_t) ends = {0}; /* of the parts that hold position p */
    uint32_t end = graph_tree_end(t, top);
    for (uint32_t p = top ? top : 1; p < end;) { /* the root is no object */
        while (ends.n && ends.at[ends.n - 1] <= p)
            ends.n--;
        uint64_t retained = graph_tree_retained(t, graph_tree_node(t, p));
        if (retained < d->min_bytes || (d->depth && ends.n >= d->depth)) {
            p = graph_tree_end(t, p);
            continue;
        }
        forget_small(s, d->most);
        vec_push(&s->shown, (struct shown){p, (uint32_t)ends.n, retained});
        vec_push(&ends, graph_tree_end(t, p));
        p++;
    }
    s->was_cut = d->most && s->shown.n > d->most;
    keep_largest(s, d->most);
    vec_sort(&s->shown, by_position);
    vec_free(&ends);
}

static uint32_t class_at(const struct showing *s, uint32_t node) {
    return s->heap->class_of(s->heap->ctx, node);
}

static const char *name_of(const struct showing *s, uint32_t class) {
    return s->heap->class_name(s->heap->ctx, class);
}

static void add_object(struct showing *s, const struct shown *at, size_t parent) {
    uint32_t node = graph_tree_node(s->tree, at->position);
    struct dominator one = {
        .addr = s->heap->addr_of(s->heap->ctx, node),
        .siblings = 1,
        .depth = at->depth,
        .shallow = s->heap->bytes_of(s->heap->ctx, node),
        .retained = at->retained,
        .count = graph_tree_count(s->tree, node),
        .class = mem_strdup(name_of(s, class_at(s, node))),
        .summary = s->heap->summary_of(s->heap->ctx, node),
    };
    vec_push(&s->lines, (struct line){one, parent});
}

/* Sums by class of the children that are not among shown.at[next ..]; returns the classes met. */
struct class_list {
    VEC(uint32_t) list;
};

static struct class_list sum_others(struct showing *s, uint32_t parent, size_t next) {
    const struct graph_tree *t = s->tree;
    uint32_t end = graph_tree_end(t, parent);
    struct class_list met = {0};
    for (uint32_t p = parent + 1; p < end; p = graph_tree_end(t, p)) {
        while (next < s->shown.n && s->shown.at[next].position < p)
            next++;
        if (next < s->shown.n && s->shown.at[next].position == p)
            continue;
        uint32_t node = graph_tree_node(t, p), class = class_at(s, node);
        if (!s->numbers[class]++)
            vec_push(&met.list, class);
        s->sums[class] += graph_tree_retained(t, node);
        s->counts[class] += graph_tree_count(t, node);
        s->shallow[class] += s->heap->bytes_of(s->heap->ctx, node);
    }
    return met;
}

/* The children of one that are not shown, as classes, where these are as large as what is shown. */
static void add_others(struct showing *s, uint32_t position, size_t next, uint32_t depth,
                       size_t parent, uint64_t least) {
    struct class_list met = sum_others(s, position, next);
    for (size_t i = 0; i < met.list.n; i++) {
        uint32_t class = met.list.at[i];
        if (s->sums[class] >= least && s->numbers[class] > 1) {
            const char *name = name_of(s, class);
            struct dominator several = {.siblings = s->numbers[class],
                                        .depth = depth,
                                        .shallow = s->shallow[class],
                                        .retained = s->sums[class],
                                        .count = s->counts[class],
                                        .class = mem_strdup(name),
                                        .summary = mem_strdup(name)};
            vec_push(&s->lines, (struct line){several, parent});
        }
        s->sums[class] = s->numbers[class] = s->counts[class] = s->shallow[class] = 0;
    }
    vec_free(&met.list);
}

/* What was left out because there is more than is to be shown is smaller than this. */
static uint64_t smallest_shown(const struct showing *s) {
    const struct dominators *d = s->d;
    uint64_t least = UINT64_MAX;
    if (!s->was_cut)
        return d->min_bytes;
    for (size_t i = 0; i < s->shown.n; i++)
        if (s->shown.at[i].retained < least)
            least = s->shown.at[i].retained;
    return least;
}

static void add_lines(struct showing *s, uint32_t top) {
    VEC(size_t) open = {0}; /* indices of those that hold the next */
    for (size_t i = 0; i < s->shown.n; i++) {
        uint32_t at = s->shown.at[i].position;
        while (open.n && graph_tree_end(s->tree, s->shown.at[open.at[open.n - 1]].position) <= at)
            open.n--;
        add_object(s, &s->shown.at[i], open.n ? open.at[open.n - 1] : NO_LINE);
        vec_push(&open, i);
    }
    vec_free(&open);
    uint64_t least = smallest_shown(s);
    for (size_t i = 0; i < s->shown.n; i++) {
        uint32_t depth = s->shown.at[i].depth + 1;
        if (!s->d->depth || depth < s->d->depth)
            add_others(s, s->shown.at[i].position, i + 1, depth, i, least);
    }
    if (top == 0)
        add_others(s, top, 0, 0, NO_LINE, least);
}

struct place {
    size_t parent, line;
    uint64_t retained;
};

static int by_parent(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    if (x->retained != y->retained) /* the largest last: it is taken first */
        return x->retained < y->retained ? -1 : 1;
    return x->line < y->line ? 1 : -1;
}

static size_t first_of(const struct place *at, size_t n, size_t parent) {
    return first_where(n, i, at[i].parent >= parent);
}

/* Parents before children, of one parent the largest first. */
static void put_in_order(struct showing *s) {
    size_t n = s->lines.n;
    VEC(size_t) next = {0};
    struct place *places = mem_grow(NULL, n + 1, sizeof *places);
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){s->lines.at[i].parent, i, s->lines.at[i].what.retained};
    qsort(places, n, sizeof *places, by_parent);
    for (size_t parent = NO_LINE;;) {
        for (size_t i = first_of(places, n, parent); i < n && places[i].parent == parent; i++)
            vec_push(&next, places[i].line);
        if (!next.n)
            break;
        parent = next.at[--next.n];
        vec_push(&s->d->list, s->lines.at[parent].what);
    }
    vec_free(&next);
    free(places);
}

void dominators_choose(struct dominators *d, const struct dominators_heap *heap, uint32_t top) {
    struct showing s = {.d = d, .heap = heap, .tree = heap->tree};
    size_t n = heap->classes + 1;
    s.sums = mem_zalloc(4 * n * sizeof *s.sums);
    s.numbers = s.sums + n;
    s.counts = s.numbers + n;
    s.shallow = s.counts + n;
    choose(&s, top);
    add_lines(&s, top);
    put_in_order(&s);
    free(s.sums);
    vec_free(&s.shown);
    vec_free(&s.lines);
}

/* --- of a process --- */

static uint32_t class_of(void *look, uint32_t node) {
    return v8_class_of(heap_look_classes(look), node);
}

static const char *class_name(void *look, uint32_t class) {
    return v8_class_name(heap_look_classes(look), class);
}

static uint64_t addr_of(void *look, uint32_t node) {
    return heap_look_addr(look, node);
}

static uint64_t bytes_of(void *look, uint32_t node) {
    return v8_node_bytes(((struct heap_look *)look)->view->nodes, node);
}

static char *summary_of(void *look, uint32_t node) {
    return heap_look_summary(look, node);
}

static int find_top(struct heap_look *look, const struct dominators *d, const struct heap_graph *g,
                    uint32_t *ret, struct err *e) {
    uint32_t node = graph_root_id(g->graph);
    int r = d->addr ? heap_look_find(look, d->addr, &node, e) : 0;
    if (r < 0)
        return r;
    *ret = graph_tree_position(g->tree, node);
    if (*ret == GRAPH_NONE)
        return err_set(e, -EINVAL, "`memwhy instances --live` lists objects that live.",
                       "the object at 0x%" PRIx64 " is garbage: it dominates nothing", d->addr);
    return 0;
}

int dominators_see(void *dominators, const struct v8_view *view, struct err *e) {
    struct dominators *d = dominators;
    struct heap_look look;
    const struct heap_graph *graph;
    uint32_t top = 0;
    dominators_done(d); /* of a look that was given up */
    int r = heap_look_open(view, &look, e);
    if (r < 0)
        return r;
    look.keeps = HEAP_KEEPS_MAPS;
    r = heap_look_graph(&look, &graph, e);
    if (r == 0)
        r = find_top(&look, d, graph, &top, e);
    if (r == 0) {
        struct dominators_heap heap = {.tree = graph->tree,
                                       .ctx = &look,
                                       .classes = v8_classes_count(heap_look_classes(&look)),
                                       .class_of = class_of,
                                       .class_name = class_name,
                                       .addr_of = addr_of,
                                       .bytes_of = bytes_of,
                                       .summary_of = summary_of};
        d->live_bytes = graph_tree_retained(graph->tree, graph_root_id(graph->graph));
        dominators_choose(d, &heap, top);
    }
    heap_look_done(&look);
    return r;
}

void dominators_done(struct dominators *d) {
    for (size_t i = 0; i < d->list.n; i++) {
        free(d->list.at[i].class);
        free(d->list.at[i].summary);
    }
    vec_free(&d->list);
}
