/* One pass over the dominator tree, parents first, for what may be a holder. */
#include "collect/holder_search.h"

#include "v8/contexts.h"
#include "v8/nodes.h"
#include "v8/strings.h"

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
    struct holder_scan *s;
    VEC(struct above) above;
    VEC(struct holder_place) linked;
    struct holder_places *ret;
};

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
    uint32_t map = v8_node_map(s->look->view->nodes, node);
    if (s->shapes[map] == SHAPE_UNKNOWN)
        s->shapes[map] = (uint8_t)shape_of(s, node);
    return (enum holder_shape)s->shapes[map];
}

/* Contexts of all functions have one map: what tells them apart is the scope, their first slot. */
uint32_t holder_link_key(struct holder_scan *s, uint32_t node) {
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

static void add(struct walk *w, struct holder_place place) {
    place.position = graph_tree_position(w->s->tree, place.node);
    place.retained = graph_tree_retained(w->s->tree, place.node);
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
    struct holder_scan *s = w->s;
    static const enum holder_kind kinds[] = {[SHAPE_ARRAY] = HOLDER_ARRAY,
                                             [SHAPE_TABLE] = HOLDER_TABLE,
                                             [SHAPE_OBJECT] = HOLDER_DICTIONARY};
    enum holder_shape shape = holder_shape_of(s, node);
    if (shape == SHAPE_LARGE && graph_tree_retained(s->tree, node) >= LARGE_MIN)
        add(w, (struct holder_place){.node = node, .kind = HOLDER_LARGE});
    if ((shape != SHAPE_ARRAY && shape != SHAPE_TABLE && shape != SHAPE_OBJECT) ||
        graph_tree_retained(s->tree, node) < RETAINED_MIN)
        return;
    uint64_t members = holder_count_members(s, node, shape);
    if (members >= HOLDER_MEMBERS_MIN)
        add(w, (struct holder_place){.node = node, .kind = kinds[shape], .members = members});
}

/* All below it was seen. */
static void leave(struct walk *w) {
    const struct above *a = &w->above.at[--w->above.n];
    if (a->children < HANGING_MIN || a->node == GRAPH_NONE)
        return;
    enum holder_shape shape = holder_shape_of(w->s, a->node);
    if (shape == SHAPE_OBJECT || shape == SHAPE_CONTEXT)
        add(w,
            (struct holder_place){.node = a->node, .kind = HOLDER_OWNER, .members = a->children});
}

void holder_places_find(struct holder_scan *s, struct holder_places *ret) {
    struct walk w = {.s = s, .ret = ret};
    uint32_t end = graph_tree_end(s->tree, 0);
    for (uint32_t p = 1; p < end; p++) {
        while (w.above.n && w.above.at[w.above.n - 1].end <= p)
            leave(&w);
        uint32_t node = graph_tree_node(s->tree, p), key = holder_link_key(s, node);
        size_t place = link(&w, key);
        look_at(&w, node);
        if (w.above.n)
            w.above.at[w.above.n - 1].children++;
        if (graph_tree_end(s->tree, p) > p + 1)
            vec_push(&w.above, (struct above){graph_tree_end(s->tree, p), node, key, 0, place});
    }
    while (w.above.n)
        leave(&w);
    for (size_t i = 0; i < w.linked.n; i++)
        if (w.linked.at[i].members >= LINKED_MIN)
            add(&w, w.linked.at[i]);
    vec_free(&w.above);
    vec_free(&w.linked);
}
