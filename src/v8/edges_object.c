/* Edges out of JSObjects: their properties and elements, and the fields of each class. */
#include "v8/edge_reader.h"
#include "v8/elements.h"
#include "v8/functions.h"
#include "v8/properties.h"

/* Offsets are those of the .tq files of src/objects, the same from 9.4 to 14.6. */
enum {
    MAP_SIZE = 8, /* words, a byte; then where in-object properties start */
    MAP_TYPE = 12,
    MAP_BIT_FIELD = 14, /* then bit_field2, with the elements kind */
    MAP_PROTOTYPE = 24,
    MAP_CONSTRUCTOR = 32,
    PROPERTIES = 8,
    ELEMENTS = 16,
    HEADER = 24,      /* fields of the class come next */
    ARRAY_FIRST = 16, /* of elements */
    CHAIN_MAX = 1000,
};

static struct v8_edge named(enum v8_edge_kind kind, const char *text) {
    return (struct v8_edge){.kind = (uint8_t)kind, .form = EDGE_BY_TEXT, .text = text};
}

/* --- properties --- */

static struct v8_edge of_key(struct v8_edge_reader *r, uint64_t key, enum v8_edge_form form) {
    uint32_t length = 1;
    if (v8_kind(r->o, key) == KIND_STRING) /* the name of "" is V8's own */
        v8_field_u32(r->o, key, 12, &length);
    else
        form = EDGE_BY_KEY;
    return (struct v8_edge){
        .kind = length ? EDGE_PROPERTY : EDGE_INTERNAL, .form = (uint8_t)form, .key = key};
}

static void add_accessors(struct v8_edge_reader *r, const struct v8_property *p) {
    enum { GETTER = 8, SETTER = 16 };
    if (v8_type(r->o, p->value) != TYPE_ACCESSOR_PAIR)
        return;
    edge_visited(r, p->offset);
    edge_add(r, p->value, of_key(r, p->key, EDGE_BY_KEY));
    uint64_t getter = v8_field_or_0(r->o, p->value, GETTER);
    uint64_t setter = v8_field_or_0(r->o, p->value, SETTER);
    if (v8_kind(r->o, getter) != KIND_ODDBALL)
        edge_add(r, getter, of_key(r, p->key, EDGE_GETTER));
    if (v8_kind(r->o, setter) != KIND_ODDBALL)
        edge_add(r, setter, of_key(r, p->key, EDGE_SETTER));
}

static void add_properties(struct v8_edge_reader *r) {
    struct v8_properties all;
    struct v8_property p;
    v8_properties_open(r->o, r->object, &all);
    while (v8_properties_next(&all, &p)) {
        if (p.is_accessor) {
            add_accessors(r, &p);
            continue;
        }
        edge_visited(r, p.offset);
        if (!r->only || v8_strong(p.value) == r->only)
            edge_add(r, p.value, of_key(r, p.key, EDGE_BY_KEY));
    }
}

/* --- elements --- */

/* No more than the walk found the array to hold. */
static int64_t length_of(struct v8_edge_reader *r, uint64_t array) {
    uint64_t length;
    uint32_t node = v8_node_at(r->nodes, array);
    if (node == V8_NO_NODE || !v8_field(r->o, array, 8, &length) || !v8_is_smi(length))
        return 0;
    int64_t most = (int64_t)(v8_node_bytes(r->nodes, node) / 8) - ARRAY_FIRST / 8;
    return v8_smi(length) < most ? v8_smi(length) : most;
}

static void add_array(struct v8_edge_reader *r, uint64_t array, int64_t n, bool is_ours) {
    uint64_t buf[EDGE_CHUNK];
    for (int64_t at = 0; at < n;) {
        size_t some = edge_read_words(r, (array & ~3ull) + ARRAY_FIRST + 8 * (uint64_t)at,
                                      (uint64_t)(n - at), buf);
        if (!some)
            return;
        for (size_t i = 0; i < some; i++) {
            struct v8_edge e = {.kind = is_ours ? EDGE_SHORTCUT : EDGE_ELEMENT,
                                .index = (uint32_t)(at + (int64_t)i),
                                .is_ours = is_ours};
            if ((buf[i] & 3) == 1 && buf[i] != r->inessential[0] && (!r->only || buf[i] == r->only))
                edge_add(r, buf[i], e);
        }
        at += (int64_t)some;
    }
}

/* NumberDictionary: a word of prefix, then key, value, details. */
static void add_sparse(struct v8_edge_reader *r, uint64_t table) {
    enum { FIRST = 4, ENTRY = 3, HEAP_NUMBER_VALUE = 8 };
    int64_t n = length_of(r, table);
    for (int64_t i = FIRST; i + ENTRY <= n; i += ENTRY) {
        uint64_t key, value;
        int32_t at = (int32_t)(ARRAY_FIRST + 8 * i);
        double d;
        if (!v8_field(r->o, table, at, &key) || !v8_field(r->o, table, at + 8, &value))
            return;
        struct v8_edge e = {.kind = EDGE_ELEMENT, .index = (uint32_t)v8_smi(key)};
        if (v8_kind(r->o, key) == KIND_HEAP_NUMBER) { /* beyond what a Smi holds */
            if (v8_objects_read(r->o, (key & ~3ull) + HEAP_NUMBER_VALUE, &d, sizeof d) == 0 &&
                d >= 0 && d <= UINT32_MAX)
                e.index = (uint32_t)d;
        } else if (!v8_is_smi(key)) {
            continue;
        }
        edge_add(r, value, e);
    }
}

static void add_elements(struct v8_edge_reader *r) {
    enum { FAST = 2, HOLEY = 3, NONEXTENSIBLE = 6, HOLEY_FROZEN = 11, ARRAY_LENGTH = 24 };
    int kind = v8_elements_kind(r->o, r->object);
    uint64_t elements = v8_field_or_0(r->o, r->object, ELEMENTS);
    int64_t n = length_of(r, elements);
    if (r->o->types[r->type] == TYPE_JS_ARRAY) {
        uint64_t length = v8_field_or_0(r->o, r->object, ARRAY_LENGTH);
        if (v8_is_smi(length) && v8_smi(length) < n)
            n = v8_smi(length);
    }
    if (kind == r->dictionary_elements)
        add_sparse(r, elements);
    else if (r->family[(uint16_t)v8_instance_type(r->o, elements)] != FAMILY_ARRAY)
        return;
    else if (kind == FAST || kind == HOLEY)
        add_array(r, elements, n, false);
    else if (kind >= NONEXTENSIBLE && kind <= HOLEY_FROZEN)
        add_array(r, elements, n, true);
}

/* --- classes --- */

static void add_function(struct v8_edge_reader *r, uint64_t map) {
    enum { PROTOTYPE_OR_MAP = 56, HAS_PROTOTYPE_SLOT = 0x80, CODE = 48 };
    uint32_t bits = 0;
    int32_t shared = r->o->l->facts.function_shared;
    v8_field_u32(r->o, map, MAP_TYPE, &bits);
    uint64_t initial = v8_field_or_0(r->o, r->object, PROTOTYPE_OR_MAP);
    if (!(bits >> 16 & HAS_PROTOTYPE_SLOT) || !edge_is_essential(r, initial)) {
        ;
    } else if (v8_kind(r->o, initial) == KIND_MAP) {
        edge_add(r, v8_field_or_0(r->o, initial, MAP_PROTOTYPE), named(EDGE_PROPERTY, "prototype"));
        edge_field(r, PROTOTYPE_OR_MAP, "initial_map");
    } else {
        edge_visited(r, PROTOTYPE_OR_MAP);
        edge_add(r, initial, named(EDGE_PROPERTY, "prototype"));
    }
    edge_field(r, shared + 16, "feedback_cell");
    edge_field(r, shared, "shared");
    edge_field(r, shared + 8, "context");
    if (r->o->l->facts.function_dispatch_handle < 0) {
        edge_field(r, shared == HEADER ? CODE : HEADER, "code");
        return;
    }
    size_t n; /* the code is behind the words */
    const uint32_t *refs = v8_node_refs(r->nodes, r->node, &n);
    uint64_t code = n ? v8_node_addr(r->nodes, V8_REF_NODE(refs[n - 1])) | 1 : 0;
    if (v8_kind(r->o, code) == KIND_CODE)
        edge_add(r, code, named(EDGE_INTERNAL, "code"));
}

static void add_bound_function(struct v8_edge_reader *r) {
    enum { TARGET = 24, THIS = 32, ARGUMENTS = 40 };
    uint64_t arguments = v8_field_or_0(r->o, r->object, ARGUMENTS);
    edge_field(r, ARGUMENTS, "bindings");
    edge_field(r, THIS, "bound_this");
    edge_field(r, TARGET, "bound_function");
    for (int64_t i = 0, n = length_of(r, arguments); i < n; i++)
        edge_add(
            r, v8_field_or_0(r->o, arguments, (int32_t)(ARRAY_FIRST + 8 * i)),
            (struct v8_edge){.kind = EDGE_SHORTCUT, .form = EDGE_ARGUMENT, .index = (uint32_t)i});
}

/* OrderedHashMap and Set: counts of elements, deleted ones and buckets, the buckets, then entries
 * with a link each (src/objects/ordered-hash-table.h). */
static void add_entries(struct v8_edge_reader *r, bool is_map) {
    uint64_t table = v8_field_or_0(r->o, r->object, HEADER), count[3];
    int64_t words = is_map ? 3 : 2, length = length_of(r, table);
    for (int i = 0; i < 3; i++)
        count[i] = v8_field_or_0(r->o, table, ARRAY_FIRST + 8 * i);
    int64_t n = (int64_t)v8_smi(count[0]) + v8_smi(count[1]), at = 3 + (int64_t)v8_smi(count[2]);
    for (int64_t i = 0; i < n && at >= 3 && at + words <= length; i++, at += words) {
        int32_t offset = (int32_t)(ARRAY_FIRST + 8 * at);
        uint64_t key = v8_field_or_0(r->o, table, offset);
        struct v8_edge e = {.kind = EDGE_SHORTCUT,
                            .form = is_map ? EDGE_ENTRY_KEY : EDGE_MEMBER,
                            .index = (uint32_t)i,
                            .is_ours = true};
        if (key == r->inessential[0])
            continue; /* deleted */
        edge_add(r, key, e);
        e.form = EDGE_ENTRY;
        e.key = key;
        if (is_map)
            edge_add(r, v8_field_or_0(r->o, table, offset + 8), e);
    }
}

/* Names by what stands there: the fields changed places. */
static void add_global(struct v8_edge_reader *r) {
    for (int32_t at = HEADER; at <= HEADER + 8; at += 8) {
        uint64_t word = v8_field_or_0(r->o, r->object, at);
        if (v8_is_native_context(r->o, word))
            edge_field(r, at, "native_context");
        else if (v8_kind(r->o, word) == KIND_GLOBAL_PROXY)
            edge_field(r, at, "global_proxy");
    }
}

static bool is_generator(const struct v8_edge_reader *r) {
    enum v8_type t = (enum v8_type)r->o->types[r->type];
    return t == TYPE_JS_ASYNC_FUNCTION_OBJECT || t == TYPE_JS_ASYNC_GENERATOR_OBJECT ||
           r->o->types[(uint16_t)(r->type + 1)] == TYPE_JS_ASYNC_FUNCTION_OBJECT;
}

static void add_generator(struct v8_edge_reader *r) {
    enum { FUNCTION = 24, CONTEXT = 32, RECEIVER = 40, REGISTERS = 72 };
    edge_field(r, FUNCTION, "function");
    edge_field(r, CONTEXT, "context");
    edge_field(r, RECEIVER, "receiver");
    edge_field(r, REGISTERS, "parameters_and_registers");
}

static void add_class(struct v8_edge_reader *r) {
    switch ((enum v8_type)r->o->types[r->type]) {
    case TYPE_JS_MAP:
    case TYPE_JS_SET:
        edge_field(r, HEADER, "table");
        add_entries(r, r->o->types[r->type] == TYPE_JS_MAP);
        break;
    case TYPE_JS_WEAK_MAP:
    case TYPE_JS_WEAK_SET:
        edge_field(r, HEADER, "table");
        break;
    case TYPE_JS_PROMISE:
        edge_field(r, HEADER, "reactions_or_result");
        break;
    case TYPE_JS_WEAK_REF:
        edge_weak_field(r, HEADER, "target");
        break;
    case TYPE_JS_BOUND_FUNCTION:
        add_bound_function(r);
        break;
    case TYPE_JS_GLOBAL_OBJECT:
        add_global(r);
        break;
    case TYPE_JS_TYPED_ARRAY:
    case TYPE_JS_DATA_VIEW:
    case TYPE_JS_RAB_GSAB_DATA_VIEW:
        edge_field(r, r->o->l->facts.embedder_fields, "buffer");
        break;
    default:
        if (is_generator(r))
            add_generator(r);
        break;
    }
}

/* --- what the embedder keeps --- */

/* Made from a template of the embedder's: its constructor is. */
static bool is_wrapper(struct v8_edge_reader *r, uint64_t map) {
    uint64_t c = v8_field_or_0(r->o, map, MAP_CONSTRUCTOR), shared;
    for (int i = 0; v8_kind(r->o, c) == KIND_MAP && i < CHAIN_MAX; i++)
        c = v8_field_or_0(r->o, c, MAP_CONSTRUCTOR);
    shared = v8_shared_of(r->o, c);
    return shared &&
           (v8_type(r->o, v8_field_or_0(r->o, shared, 8)) == TYPE_FUNCTION_TEMPLATE_INFO ||
            v8_type(r->o, v8_field_or_0(r->o, shared, 16)) == TYPE_FUNCTION_TEMPLATE_INFO);
}

static void add_embedder_fields(struct v8_edge_reader *r, uint64_t map) {
    int32_t first = r->o->l->facts.embedder_fields;
    uint32_t sizes = 0;
    uint64_t word;
    v8_field_u32(r->o, map, MAP_SIZE, &sizes);
    int32_t end = 8 * (int32_t)(sizes >> 8 & 0xff);
    if (end <= first || r->o->types[r->type] != TYPE_OTHER || !is_wrapper(r, map))
        return;
    for (int32_t at = first; at < end; at += 8) {
        struct v8_edge e = {
            .kind = EDGE_INTERNAL, .index = (uint32_t)(at - first) / 8, .is_embedder = true};
        if (!v8_field(r->o, r->object, at, &word) || !(word & 1) || !edge_is_essential(r, word) ||
            v8_node_at(r->nodes, word) == V8_NO_NODE)
            continue;
        edge_visited(r, at);
        edge_add(r, word, e);
    }
}

/* --- all of it --- */

static void add_buffer(struct v8_edge_reader *r) {
    uint64_t store = v8_field_or_0(r->o, r->object, r->o->l->facts.array_buffer_store);
    struct v8_edge e = named(EDGE_INTERNAL, "backing_store");
    e.to = store;
    e.node = V8_NO_NODE;
    e.is_outside = true;
    if (store && !r->only)
        vec_push(&r->list, e);
}

void edges_of_receiver(struct v8_edge_reader *r) {
    uint64_t map = v8_field_or_0(r->o, r->object, 0);
    if (r->type == r->o->l->array_buffer_type)
        add_buffer(r);
    add_properties(r);
    add_elements(r);
    add_embedder_fields(r, map);
    uint64_t prototype = v8_field_or_0(r->o, map, MAP_PROTOTYPE);
    if (!r->only || prototype == r->only)
        edge_add(r, prototype, named(EDGE_PROPERTY, "__proto__"));
    if (v8_kind(r->o, r->object) == KIND_FUNCTION)
        add_function(r, map);
    else
        add_class(r);
    edge_field(r, PROPERTIES, "properties");
    edge_field(r, ELEMENTS, "elements");
}
