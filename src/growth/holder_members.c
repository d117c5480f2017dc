/* The members of collections on V8's heap. */
#include "growth/holder_heap.h"

#include "base/hash.h"
#include "v8/collections.h"
#include "v8/elements.h"
#include "v8/nodes.h"
#include "v8/properties.h"

/* JSObject: properties, elements; JSArray: length; JSCollection: table (src/objects). */
enum { PROPERTIES = 8, ELEMENTS = 16, ARRAY_LENGTH = 24, TABLE = 24, COUNT_INDEX = 0 };

static uint32_t node_in(struct holder_scan *s, uint32_t node, int32_t field) {
    return v8_node_at(s->look->view->nodes,
                      v8_field_or_0(&s->look->objects, heap_look_addr(s->look, node), field));
}

static bool is_own(struct holder_scan *s, uint32_t node) {
    const struct v8_page *g =
        v8_pages_at(&s->look->view->heap->pages, v8_node_addr(s->look->view->nodes, node));
    return g && g->space != V8_READ_ONLY;
}

/* The tables a collection keeps its members in: at most two. */
static size_t tables_of(struct holder_scan *s, uint32_t node, uint32_t ret[2]) {
    enum holder_shape shape = holder_shape_of(s, node);
    static const int32_t fields[][2] = {[SHAPE_ARRAY] = {ELEMENTS, 0},
                                        [SHAPE_TABLE] = {TABLE, 0},
                                        [SHAPE_OBJECT] = {PROPERTIES, ELEMENTS}};
    size_t n = 0;
    if (shape != SHAPE_ARRAY && shape != SHAPE_TABLE && shape != SHAPE_OBJECT)
        return 0;
    for (int i = 0; i < 2 && fields[shape][i]; i++) {
        ret[n] = node_in(s, node, fields[shape][i]);
        n += ret[n] != V8_NO_NODE && is_own(s, ret[n]);
    }
    return n;
}

/* A HashTable's first element is how many entries it has. */
static uint64_t table_count(struct v8_objects *o, uint64_t table) {
    uint64_t count = v8_array_get(o, table, COUNT_INDEX);
    return v8_kind(o, table) == KIND_ARRAY && v8_is_smi(count) && v8_smi(count) > 0
               ? (uint64_t)v8_smi(count)
               : 0;
}

/* Elements that are not in a dictionary: those that are there. */
static uint64_t count_elements(struct holder_scan *s, uint64_t store) {
    uint32_t node = v8_node_at(s->look->view->nodes, store);
    uint64_t count = 0;
    size_t n;
    if (node == V8_NO_NODE || !is_own(s, node))
        return 0;
    const uint32_t *refs = v8_node_refs(s->look->view->nodes, node, &n);
    for (size_t i = 1; i < n; i++)
        count += is_own(s, V8_REF_NODE(refs[i]));
    return count;
}

/* Of an object with a shape, properties are no entries: they are written in the program. */
static uint64_t count_entries(struct holder_scan *s, uint64_t object) {
    struct v8_objects *o = &s->look->objects;
    struct v8_properties p;
    v8_properties_open(o, object, &p);
    uint64_t named = p.is_fast || !p.table ? 0 : table_count(o, p.table);
    uint64_t store = v8_field_or_0(o, object, ELEMENTS);
    int kind = v8_elements_kind(o, object);
    return named +
           (kind == o->dictionary_elements ? table_count(o, store) : count_elements(s, store));
}

uint64_t holder_count_members(struct holder_scan *s, uint32_t node, enum holder_shape shape) {
    struct v8_objects *o = &s->look->objects;
    uint64_t addr = heap_look_addr(s->look, node), length;
    struct v8_entries entries;
    switch (shape) {
    case SHAPE_ARRAY:
        length = v8_field_or_0(o, addr, ARRAY_LENGTH);
        return v8_is_smi(length) && v8_smi(length) > 0 ? (uint64_t)v8_smi(length) : 0;
    case SHAPE_TABLE:
        return v8_entries_open(o, addr, &entries) == 0 ? (uint64_t)entries.count : 0;
    default:
        return count_entries(s, addr);
    }
}

uint64_t holder_shallow(struct holder_scan *s, uint32_t node) {
    uint32_t tables[2];
    size_t n = tables_of(s, node, tables);
    uint64_t bytes = v8_node_bytes(s->look->view->nodes, node);
    for (size_t i = 0; i < n; i++)
        bytes += v8_node_bytes(s->look->view->nodes, tables[i]);
    return bytes;
}

/* Keys and values; undefined and the like, which fill the rest of a table, are read-only. */
static void add_referred(struct holder_scan *s, uint32_t table, struct graph_nodes *ret) {
    size_t n;
    const uint32_t *refs = v8_node_refs(s->look->view->nodes, table, &n);
    for (size_t i = 1; i < n; i++)
        if (!(refs[i] & V8_REF_WEAK) && is_own(s, refs[i]))
            vec_push(ret, refs[i]);
}

void holder_members(struct holder_scan *s, uint32_t node, struct graph_nodes *ret) {
    uint32_t tables[2];
    size_t n = tables_of(s, node, tables);
    for (size_t i = 0; i < n; i++)
        add_referred(s, tables[i], ret);
}

/* --- members that are no objects --- */

/* Of an array, a number is told by its place: what is pushed behind it leaves it there. Of very
 * long ones the beginning is enough. */
static void number_elements(struct holder_scan *s, uint64_t array, struct holder_numbers *ret) {
    enum { ELEMENTS_MAX = 1 << 20 };
    struct v8_objects *o = &s->look->objects;
    uint64_t store = v8_field_or_0(o, array, ELEMENTS), word;
    enum v8_kind kind = v8_kind(o, store);
    int64_t n = kind == KIND_ARRAY || kind == KIND_DOUBLES ? v8_array_length(o, store) : 0;
    int32_t length = v8_smi(v8_field_or_0(o, array, ARRAY_LENGTH));
    n = n > length ? length : n;
    for (int64_t i = 0; i < n && i < ELEMENTS_MAX; i++)
        if (v8_field(o, store, (int32_t)(16 + 8 * i), &word) &&
            (kind == KIND_DOUBLES || v8_is_smi(word)))
            vec_push(&ret->list, hash_mix((uint64_t)i + 1, word ^ 0x9E3779B97F4A7C15ull));
}

static void number_keys(struct holder_scan *s, uint64_t table, struct holder_numbers *ret) {
    struct v8_entries entries;
    struct v8_entry e;
    if (v8_entries_open(&s->look->objects, table, &entries) < 0)
        return;
    while (v8_entries_next(&entries, &e))
        if (v8_is_smi(e.key))
            vec_push(&ret->list, e.key);
}

void holder_numbers(struct holder_scan *s, const struct holder_place *p,
                    struct holder_numbers *ret) {
    uint64_t addr = heap_look_addr(s->look, p->node);
    if (p->kind == HOLDER_ARRAY)
        number_elements(s, addr, ret);
    else if (p->kind == HOLDER_TABLE)
        number_keys(s, addr, ret);
}
