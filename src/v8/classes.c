#include "v8/classes.h"

#include "base/map64.h"
#include "v8/nodes.h"
#include "v8/properties.h"
#include <string.h>

struct v8_classes {
    const struct v8_nodes *nodes;
    struct map64 by_map; /* number of the map's node + 1 -> class */
    VEC(char *) names;
};

/* Kinds of DevTools' (HeapSnapshot.ts, HeapSnapshotNode.className) for what has no constructor. */
static const char *name_of_kind(const struct v8_layout *l, enum v8_kind kind, uint16_t type) {
    unsigned representation = type & l->string_representation_mask;
    switch (kind) {
    case KIND_STRING: /* kConsStringTag 1, kSlicedStringTag 3 (instance-type.h) */
        return representation == 1   ? "(concatenated string)"
               : representation == 3 ? "(sliced string)"
                                     : "(string)";
    case KIND_SYMBOL:
        return "(symbol)";
    case KIND_HEAP_NUMBER:
        return "(number)";
    case KIND_BIGINT:
        return "(bigint)";
    case KIND_MAP:
        return "(object shape)";
    case KIND_ARRAY:
    case KIND_BYTES:
        return "(array)";
    case KIND_SHARED:
    case KIND_SCRIPT:
    case KIND_SCOPE_INFO:
    case KIND_UNCOMPILED:
    case KIND_BYTECODE:
    case KIND_INTERPRETER_DATA:
    case KIND_BASELINE_DATA:
    case KIND_CODE:
    case KIND_STREAM:
        return "(compiled code)";
    case KIND_FUNCTION:
        return "Function";
    case KIND_NONE:
    case KIND_OTHER:
    case KIND_ODDBALL:
    case KIND_PROPERTY_CELL:
        return "(system)";
    case KIND_PROXY:
    case KIND_GLOBAL_PROXY:
    case KIND_RECEIVER:
        return NULL;
    }
    return NULL;
}

static bool is_context(const struct v8_layout *l, uint16_t type) {
    return l->first_context_type && type >= l->first_context_type && type <= l->last_context_type;
}

static char *name_of(struct v8_objects *o, uint64_t object) {
    int type = v8_instance_type(o, object);
    enum v8_kind kind = v8_kind(o, object);
    if (type >= 0 && kind == KIND_OTHER && is_context(o->l, (uint16_t)type))
        return mem_strdup("system / Context");
    const char *fixed = name_of_kind(o->l, kind, (uint16_t)type);
    char *name = fixed ? mem_strdup(fixed) : v8_constructor_name(o, object);
    return name ? name : mem_strdup("Object");
}

/* Many maps have one name. */
static uint32_t class_named(struct v8_classes *c, char *name) {
    for (uint32_t i = 0; i < c->names.n; i++)
        if (strcmp(c->names.at[i], name) == 0) {
            free(name);
            return i;
        }
    vec_push(&c->names, name);
    return (uint32_t)c->names.n - 1;
}

int v8_classes_new(const struct v8_view *view, struct v8_classes **ret) {
    struct v8_objects objects;
    int r = v8_objects_open(view->img, view->l, &view->heap->pages, &objects);
    if (r < 0)
        return r;
    struct v8_classes *c = mem_zalloc(sizeof *c);
    uint32_t n = v8_nodes_count(view->nodes), last = V8_NO_NODE;
    c->nodes = view->nodes;
    for (uint32_t node = 0; node < n; node++) {
        size_t n_refs;
        uint32_t map = V8_REF_NODE(v8_node_refs(view->nodes, node, &n_refs)[0]);
        uint64_t class;
        if (map == last || map64_get(&c->by_map, map + 1ull, &class))
            continue;
        last = map;
        class = class_named(c, name_of(&objects, v8_node_addr(view->nodes, node) | 1));
        map64_put(&c->by_map, map + 1ull, class);
    }
    v8_objects_done(&objects);
    *ret = c;
    return 0;
}

void v8_classes_free(struct v8_classes *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->names.n; i++)
        free(c->names.at[i]);
    vec_free(&c->names);
    map64_done(&c->by_map);
    free(c);
}

uint32_t v8_classes_count(const struct v8_classes *c) {
    return (uint32_t)c->names.n;
}

const char *v8_class_name(const struct v8_classes *c, uint32_t class) {
    return c->names.at[class];
}

uint32_t v8_class_of(const struct v8_classes *c, uint32_t node) {
    size_t n;
    uint64_t class = 0;
    map64_get(&c->by_map, V8_REF_NODE(v8_node_refs(c->nodes, node, &n)[0]) + 1ull, &class);
    return (uint32_t)class;
}
