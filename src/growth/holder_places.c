/* One pass over the dominator tree, parents first, for what may be a holder. */
#include "growth/holder_search.h"

enum {
    NEAR = 8,           /* an object's like is among so many dominators above it, or none is */
    LINKED_MIN = 64,    /* fewer are no structure */
    HANGING_MIN = 64,   /* fewer are no crowd */
    RETAINED_MIN = 100, /* bytes of a collection of HOLDER_MEMBERS_MIN */
    LARGE_MIN = 64 << 10,
};

/* A node whose part of the tree is being walked. */
struct above {
    uint32_t end, node, key, children;
    size_t place; /* of the structure it belongs to; NO_PLACE */
};
#define NO_PLACE SIZE_MAX

struct walk {
    const struct holder_heap *h;
    VEC(struct above) above;
    VEC(struct holder_place) linked;
    struct holder_places *ret;
};

static void add(struct walk *w, struct holder_place place) {
    place.position = graph_tree_position(w->h->tree, place.node);
    place.retained = graph_tree_retained(w->h->tree, place.node);
    vec_push(&w->ret->list, place);
}

/* Is it one more of a structure that something above it belongs to? Makes it one when it is the
 * second. Returns the structure. */
static size_t link(struct walk *w, uint32_t key) {
    size_t n = w->above.n;
    for (size_t i = n; key != GRAPH_NONE && i > 0 && n - i < NEAR; i--) {
        struct above *a = &w->above.at[i - 1];
        if (a->key != key)
            continue;
        if (a->place == NO_PLACE) {
            a->place = w->linked.n;
            vec_push(&w->linked,
                     (struct holder_place){
                         .node = a->node, .kind = HOLDER_LINKED, .key = key, .members = 1});
        }
        w->linked.at[a->place].members++;
        return a->place;
    }
    return NO_PLACE;
}

static void look_at(struct walk *w, uint32_t node) {
    const struct holder_heap *h = w->h;
    static const enum holder_kind kinds[] = {[SHAPE_ARRAY] = HOLDER_ARRAY,
                                             [SHAPE_TABLE] = HOLDER_TABLE,
                                             [SHAPE_OBJECT] = HOLDER_DICTIONARY};
    enum holder_shape shape = h->shape_of(h->ctx, node);
    if (shape == SHAPE_LARGE && graph_tree_retained(h->tree, node) >= LARGE_MIN)
        add(w, (struct holder_place){.node = node, .kind = HOLDER_LARGE});
    if ((shape != SHAPE_ARRAY && shape != SHAPE_TABLE && shape != SHAPE_OBJECT) ||
        graph_tree_retained(h->tree, node) < RETAINED_MIN)
        return;
    uint64_t members = h->count_members(h->ctx, node, shape);
    if (members >= HOLDER_MEMBERS_MIN)
        add(w, (struct holder_place){.node = node, .kind = kinds[shape], .members = members});
}

/* All below it was seen. */
static void leave(struct walk *w) {
    const struct above *a = &w->above.at[--w->above.n];
    if (a->children < HANGING_MIN || a->node == GRAPH_NONE)
        return;
    enum holder_shape shape = w->h->shape_of(w->h->ctx, a->node);
    if (shape == SHAPE_OBJECT || shape == SHAPE_CONTEXT)
        add(w,
            (struct holder_place){.node = a->node, .kind = HOLDER_OWNER, .members = a->children});
}

void holder_places_find(const struct holder_heap *h, struct holder_places *ret) {
    struct walk w = {.h = h, .ret = ret};
    uint32_t end = graph_tree_end(h->tree, 0);
    for (uint32_t p = 1; p < end; p++) {
        while (w.above.n && w.above.at[w.above.n - 1].end <= p)
            leave(&w);
        uint32_t node = graph_tree_node(h->tree, p), key = h->link_key(h->ctx, node);
        size_t place = link(&w, key);
        look_at(&w, node);
        if (w.above.n)
            w.above.at[w.above.n - 1].children++;
        if (graph_tree_end(h->tree, p) > p + 1)
            vec_push(&w.above, (struct above){graph_tree_end(h->tree, p), node, key, 0, place});
    }
    while (w.above.n)
        leave(&w);
    for (size_t i = 0; i < w.linked.n; i++)
        if (w.linked.at[i].members >= LINKED_MIN)
            add(&w, w.linked.at[i]);
    vec_free(&w.above);
    vec_free(&w.linked);
}
