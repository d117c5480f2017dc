#include "growth/holder_search.h"

#include "base/map64.h"
#include <string.h>

enum {
    KEPT_MAX = 2000,   /* those that hold most: 32 MB of ours, where each has many members */
    MEMBER_BYTES = 64, /* what a member counts for beside what it retains: an object of its own */
    SAMPLED = 256,     /* members asked for their class */
};

/* --- of what its members are --- */

struct tally {
    uint32_t class, node; /* the last of it */
    uint64_t count;
};
struct tallies {
    VEC(struct tally) list;
    struct map64 index; /* class + 1 -> of the list */
};

static void count_class(struct tallies *t, uint32_t class, uint32_t node) {
    uint64_t at;
    if (!map64_get(&t->index, class + 1ull, &at)) {
        at = t->list.n;
        map64_put(&t->index, class + 1ull, at);
        vec_push(&t->list, (struct tally){.class = class});
    }
    t->list.at[at].count++;
    t->list.at[at].node = node;
}

static void tallies_done(struct tallies *t) {
    vec_free(&t->list);
    map64_done(&t->index);
}

static bool is_of_program(const struct holder_heap *heap, uint32_t class) {
    return heap->class_name(heap->ctx, class)[0] != '(';
}

/* The most frequent; classes of the program before V8's own "(string)" and the like. */
static const struct tally *most_frequent(const struct holder_heap *heap, const struct tallies *t) {
    const struct tally *best = NULL;
    for (size_t i = 0; i < t->list.n; i++) {
        const struct tally *one = &t->list.at[i];
        bool is_own = is_of_program(heap, one->class);
        bool best_is_own = best && is_of_program(heap, best->class);
        if (!best || is_own > best_is_own || (is_own == best_is_own && one->count > best->count))
            best = one;
    }
    return best;
}

/* Many of one class hang on it; false when they are of V8's own, or not many of any. */
static bool count_hanging(const struct holder_heap *heap, struct holder_place *p) {
    struct tallies t = {0};
    uint32_t end = graph_tree_end(heap->tree, p->position);
    for (uint32_t at = p->position + 1; at < end; at = graph_tree_end(heap->tree, at)) {
        uint32_t node = graph_tree_node(heap->tree, at);
        count_class(&t, heap->class_of(heap->ctx, node), node);
    }
    const struct tally *best = most_frequent(heap, &t);
    bool found = best && is_of_program(heap, best->class) && best->count >= HOLDER_MEMBERS_MIN;
    if (found) {
        p->class = best->class;
        p->members = best->count;
    }
    tallies_done(&t);
    return found;
}

/* --- members --- */

static void add_linked(const struct holder_heap *heap, const struct holder_place *p,
                       struct graph_nodes *ret) {
    uint32_t end = graph_tree_end(heap->tree, p->position);
    for (uint32_t at = p->position; at < end; at++) {
        uint32_t node = graph_tree_node(heap->tree, at);
        if (heap->link_key(heap->ctx, node) == p->key)
            vec_push(ret, node);
    }
}

static void add_hanging(const struct holder_heap *heap, const struct holder_place *p,
                        struct graph_nodes *ret) {
    uint32_t end = graph_tree_end(heap->tree, p->position);
    for (uint32_t at = p->position + 1; at < end; at = graph_tree_end(heap->tree, at)) {
        uint32_t node = graph_tree_node(heap->tree, at);
        if (heap->class_of(heap->ctx, node) == p->class)
            vec_push(ret, node);
    }
}

static void find_members(const struct holder_heap *heap, const struct holder_place *p,
                         struct graph_nodes *ret) {
    if (p->kind == HOLDER_LINKED)
        add_linked(heap, p, ret);
    else if (p->kind == HOLDER_OWNER)
        add_hanging(heap, p, ret);
    else if (p->kind != HOLDER_LARGE)
        heap->members(heap->ctx, p->node, ret);
}

/* Sets what most of them are; returns the last of those. */
static uint32_t sample_members(const struct holder_heap *heap, const struct graph_nodes *members,
                               struct holder *h) {
    struct tallies t = {0};
    uint32_t node = GRAPH_NONE;
    size_t step = members->n / SAMPLED | 1; /* odd: of a table keys and values take turns */
    for (size_t i = 0; i < members->n; i += step)
        count_class(&t, heap->class_of(heap->ctx, members->at[i]), members->at[i]);
    const struct tally *best = most_frequent(heap, &t);
    if (best) {
        h->member_class = mem_strdup(heap->class_name(heap->ctx, best->class));
        node = best->node;
    }
    tallies_done(&t);
    return node;
}

static void sketch_members(const struct holder_heap *heap, const struct graph_nodes *members,
                           struct holder *ret) {
    for (size_t i = 0; i < members->n; i++) {
        bool may_move;
        uint64_t identity = heap->identity(heap->ctx, members->at[i], &may_move);
        sketch_add(may_move ? &ret->young : &ret->sketch, identity);
        ret->lasting += !may_move;
    }
}

/* --- all of one --- */

static struct holder describe(const struct holder_heap *heap, const struct holder_place *p,
                              struct holder_nodes *ret_nodes) {
    struct graph_nodes members = {0};
    uint32_t class = heap->class_of(heap->ctx, p->node);
    struct holder h = {
        .kind = p->kind,
        .class = mem_strdup(heap->class_name(heap->ctx, class)),
        .members = p->members,
        .retained = p->retained,
        .position = p->position,
        .end = graph_tree_end(heap->tree, p->position),
    };
    find_members(heap, p, &members);
    uint32_t member = sample_members(heap, &members, &h);
    sketch_members(heap, &members, &h);
    heap->describe(heap->ctx, p, member, &h);
    sketch_finish(&h.sketch);
    sketch_finish(&h.young);
    *ret_nodes = (struct holder_nodes){
        p->node, p->kind == HOLDER_LINKED && members.n > 1 ? members.at[1] : GRAPH_NONE};
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

void holder_search(const struct holder_heap *heap, const struct holders *earlier,
                   struct holders *ret) {
    struct holder_places places = {0};
    VEC(struct holder_nodes) nodes = {0};
    holder_places_find(heap, &places);
    vec_sort(&places.list, heaviest_first);
    for (size_t i = 0; i < places.list.n && ret->list.n < KEPT_MAX; i++) {
        struct holder_place *p = &places.list.at[i];
        struct holder_nodes n;
        if (p->kind == HOLDER_OWNER && !count_hanging(heap, p))
            continue;
        vec_push(&ret->list, describe(heap, p, &n));
        vec_push(&nodes, n);
    }
    heap->name(heap->ctx, nodes.at, earlier, ret);
    vec_free(&nodes);
    vec_free(&places.list);
}

/* --- what naming them has in common --- */

struct order {
    size_t holder;
    uint64_t score;
};

static int highest_first(const void *a, const void *b) {
    const struct order *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->holder > y->holder) - (x->holder < y->holder);
}

static uint64_t more(uint64_t now, uint64_t then) {
    return now > then ? now - then : 0;
}

static uint64_t score(const struct holder *h, const struct holders *earlier) {
    const struct holder *then = earlier ? holders_same(earlier, h, true) : NULL;
    return more(h->retained, then ? then->retained : 0) +
           MEMBER_BYTES * more(h->members, then ? then->members : 0);
}

size_t *holder_naming_order(const struct holders *all, const struct holders *earlier) {
    VEC(struct order) order = {0};
    for (size_t i = 0; i < all->list.n; i++)
        vec_push(&order, (struct order){i, score(&all->list.at[i], earlier)});
    vec_sort(&order, highest_first);
    size_t *ret = mem_alloc((order.n + 1) * sizeof *ret);
    for (size_t i = 0; i < order.n; i++)
        ret[i] = order.at[i].holder;
    vec_free(&order);
    return ret;
}

char *holder_bare_step(const char *name) {
    static const char variable[] = "variable ";
    size_t n = strlen(name);
    if (strncmp(name, variable, sizeof variable - 1) == 0)
        return mem_strdup(name + sizeof variable - 1);
    if (n > 4 && strncmp(name, "[\"", 2) == 0 && strcmp(name + n - 2, "\"]") == 0)
        return mem_strndup(name + 2, n - 4);
    return mem_strdup(name[0] == '.' ? name + 1 : name);
}
