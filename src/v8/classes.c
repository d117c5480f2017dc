#include "v8/classes.h"

#include "base/map64.h"
#include "base/search.h"
#include "v8/nodes.h"
#include "v8/properties.h"
#include <string.h>

struct v8_classes {
    const struct v8_nodes *nodes; /* NULL: objects have no numbers */
    struct v8_shapes own;         /* where the view had none */
    const struct v8_shapes *shapes;
    uint32_t *class;     /* by shape */
    struct map64 by_map; /* number of the map's node + 1, or its tagged address -> shape */
    VEC(char *) names;
};

/* As V8's heap snapshot sorts what is no object of the program's (V8HeapExplorer,
 * GetSystemEntryType and AddEntry, src/profiler/heap-snapshot-generator.cc), by the root map of the
 * type; a name that ends in "*" is that of several. What is not named is an array if it is sized
 * like one, and else
 * "(system)". */
static const struct {
    const char *root, *class;
} by_root[] = {
    {"allocation_site_map", "(compiled code)"},
    {"array_boilerplate_description_map", "(compiled code)"},
    {"bytecode_array_map", "(compiled code)"},
    {"closure_feedback_cell_array_map", "(compiled code)"},
    {"code_map", "(compiled code)"},
    {"feedback_metadata_map", "(compiled code)"},
    {"feedback_vector_map", "(compiled code)"},
    {"no_closures_cell_map", "(compiled code)"},
    {"one_closure_cell_map", "(compiled code)"},
    {"many_closures_cell_map", "(compiled code)"},
    {"instruction_stream_map", "(compiled code)"},
    {"interpreter_data_map", "(compiled code)"},
    {"load_handler*", "(compiled code)"},
    {"store_handler*", "(compiled code)"},
    {"object_boilerplate_description_map", "(compiled code)"},
    {"preparse_data_map", "(compiled code)"},
    {"regexp_boilerplate_description_map", "(compiled code)"},
    {"scope_info_map", "(compiled code)"},
    {"script_map", "(compiled code)"},
    {"shared_function_info_map", "(compiled code)"},
    {"uncompiled_data_*", "(compiled code)"},
    {"descriptor_array_map", "(object shape)"},
    {"strong_descriptor_array_map", "(object shape)"},
    {"enum_cache_map", "(object shape)"},
    {"meta_map", "(object shape)"},
    {"prototype_info_map", "(object shape)"},
    {"transition_array_map", "(object shape)"},
    {"fixed_double_array_map", "(array)"},
    {"byte_array_map", "(array)"},
    {"trusted_byte_array_map", "(array)"},
    {"property_array_map", "(array)"},
    {"symbol_map", "(symbol)"},
    {"heap_number_map", "(number)"},
    {"bigint_map", "(bigint)"},
};

static bool names_root(const char *pattern, const char *root) {
    size_t n = strlen(pattern);
    return pattern[n - 1] == '*' ? strncmp(root, pattern, n - 1) == 0 : strcmp(root, pattern) == 0;
}

/* By instance type; NULL for the rest. */
static const char **classes_by_type(const struct v8_view *view) {
    const struct v8_layout *l = view->l;
    const char **ret = mem_zalloc((1u << 16) * sizeof *ret);
    for (size_t i = 0; i < l->n_roots; i++)
        for (size_t k = 0; k < sizeof by_root / sizeof *by_root; k++) {
            uint64_t map;
            struct v8_map_info info;
            if (names_root(by_root[k].root, l->root_names[i]) &&
                image_read_u64(view->img, l->main_roots + 8 * i, &map) == 0 &&
                v8_map_read(view->img, l, map, &info) == 0)
                ret[info.type] = by_root[k].class;
        }
    return ret;
}

/* kConsStringTag 1, kSlicedStringTag 3 (src/objects/instance-type.h). */
static const char *string_class(const struct v8_layout *l, uint16_t type) {
    unsigned representation = type & l->string_representation_mask;
    return representation == 1   ? "(concatenated string)"
           : representation == 3 ? "(sliced string)"
                                 : "(string)";
}

static bool is_context(const struct v8_layout *l, uint16_t type) {
    return l->first_context_type && type >= l->first_context_type && type <= l->last_context_type;
}

static char *name_of(struct v8_objects *o, const char *const *by_type, uint64_t object) {
    int type = v8_instance_type(o, object);
    if (type < 0)
        return mem_strdup("(system)");
    if (type < o->l->first_nonstring_type)
        return mem_strdup(string_class(o->l, (uint16_t)type));
    if (is_context(o->l, (uint16_t)type))
        return mem_strdup(type == o->l->native_context_type ? "(system)" : "system / Context");
    if (by_type[type])
        return mem_strdup(by_type[type]);
    enum v8_kind kind = v8_kind(o, object);
    if (kind == KIND_FUNCTION)
        return mem_strdup("Function");
    if (v8_is_receiver(kind)) {
        char *name = v8_constructor_name(o, object);
        return name ? name : mem_strdup("Object");
    }
    return mem_strdup(o->l->rule[type] == SIZE_ARRAY ? "(array)" : "(system)");
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

/* Objects with their properties in a dictionary share maps whatever they are: one that has a tag of
 * its own (as Intl) does not speak for the others. */
static bool speaks_for_map(struct v8_objects *o, uint64_t object) {
    struct v8_properties p;
    struct v8_property tag;
    if (!v8_is_receiver(v8_kind(o, object)))
        return true;
    v8_properties_open(o, object, &p);
    return p.is_fast || !v8_property_own(o, object, "Symbol.toStringTag", &tag);
}

/* An object that speaks for all of a shape, or the first. */
static uint64_t speaker_of(const struct v8_view *view, struct v8_objects *o,
                           const struct v8_shapes *s, uint32_t shape) {
    const struct v8_shape *one = &s->list.at[shape];
    uint64_t speaker = 0;
    if (speaks_for_map(o, one->first))
        return one->first;
    for (size_t i = first_where(s->pages.n, k, s->pages.at[k].shape >= shape);
         i < s->pages.n && s->pages.at[i].shape == shape && !speaker; i++) {
        struct v8_shape_objects on = v8_shape_objects_on(view, one->map, s->pages.at[i].page);
        for (size_t k = 0; k < on.list.n && !speaker; k++)
            if (speaks_for_map(o, on.list.at[k]))
                speaker = on.list.at[k];
        vec_free(&on.list);
    }
    return speaker ? speaker : one->first;
}

static uint64_t key_of_map(const struct v8_classes *c, uint64_t map) {
    return c->nodes ? v8_node_at(c->nodes, map) + 1ull : map;
}

struct v8_classes *v8_classes_new(const struct v8_view *view, struct v8_objects *o) {
    struct v8_classes *c = mem_zalloc(sizeof *c);
    cleanup_free const char **by_type = classes_by_type(view);
    c->nodes = view->nodes;
    if (!view->shapes)
        c->own = v8_shapes_of_nodes(view->nodes, view->live, NULL);
    c->shapes = view->shapes ? view->shapes : &c->own;
    c->class = mem_grow(NULL, c->shapes->list.n + 1, sizeof *c->class);
    for (uint32_t i = 0; i < c->shapes->list.n; i++) {
        map64_put(&c->by_map, key_of_map(c, c->shapes->list.at[i].map), i);
        c->class[i] = class_named(c, name_of(o, by_type, speaker_of(view, o, c->shapes, i)));
    }
    return c;
}

void v8_classes_free(struct v8_classes *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->names.n; i++)
        free(c->names.at[i]);
    vec_free(&c->names);
    map64_done(&c->by_map);
    v8_shapes_done(&c->own);
    free(c->class);
    free(c);
}

uint32_t v8_classes_count(const struct v8_classes *c) {
    return (uint32_t)c->names.n;
}

const char *v8_class_name(const struct v8_classes *c, uint32_t class) {
    return c->names.at[class];
}

const struct v8_shapes *v8_classes_shapes(const struct v8_classes *c) {
    return c->shapes;
}

uint32_t v8_class_of_shape(const struct v8_classes *c, uint32_t shape) {
    return c->class[shape];
}

uint32_t v8_shape_of_map(const struct v8_classes *c, uint64_t map) {
    uint64_t shape;
    return map64_get(&c->by_map, key_of_map(c, map), &shape) ? (uint32_t)shape : V8_NO_NODE;
}

/* Every node was counted, so that its shape is there. */
uint32_t v8_shape_of(const struct v8_classes *c, uint32_t node) {
    uint64_t shape = 0;
    map64_get(&c->by_map, v8_node_map(c->nodes, node) + 1ull, &shape);
    return (uint32_t)shape;
}

uint32_t v8_class_of(const struct v8_classes *c, uint32_t node) {
    return c->class[v8_shape_of(c, node)];
}
