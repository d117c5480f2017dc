#include "v8/edges.h"

#include "base/limits.h"
#include "v8/bodies.h"
#include "v8/edge_reader.h"
#include "v8/snapshot_form.h"
#include "v8/strings.h"
#include "v8/values.h"

#include <string.h>

/* Families by the root map of the type: a FixedArray is what derives from it
 * (src/objects/fixed-array.h, hash-table.h). Missing roots are those of other versions. */
static const struct {
    const char *root;
    enum v8_edge_family family;
} by_root[] = {
    {"fixed_array_map", FAMILY_ARRAY},
    {"fixed_cow_array_map", FAMILY_ARRAY},
    {"hash_table_map", FAMILY_ARRAY},
    {"ordered_hash_map_map", FAMILY_ARRAY},
    {"ordered_hash_set_map", FAMILY_ARRAY},
    {"ordered_name_dictionary_map", FAMILY_ARRAY},
    {"name_dictionary_map", FAMILY_ARRAY},
    {"global_dictionary_map", FAMILY_ARRAY},
    {"number_dictionary_map", FAMILY_ARRAY},
    {"simple_number_dictionary_map", FAMILY_ARRAY},
    {"simple_name_dictionary_map", FAMILY_ARRAY},
    {"name_to_index_hash_table_map", FAMILY_ARRAY},
    {"registered_symbol_table_map", FAMILY_ARRAY},
    {"module_info_map", FAMILY_ARRAY},
    {"weak_fixed_array_map", FAMILY_WEAK_ARRAY},
    {"weak_array_list_map", FAMILY_WEAK_LIST},
    {"ephemeron_hash_table_map", FAMILY_EPHEMERONS},
    {"descriptor_array_map", FAMILY_DESCRIPTORS},
    {"strong_descriptor_array_map", FAMILY_DESCRIPTORS},
};

/* Fields with names, of what has few: offsets as in the .tq files of src/objects, the same from 9.4
 * to 14.6. */
static const struct {
    enum v8_type type;
    struct v8_edge_field field[EDGE_FIELDS];
} by_type[] = {
    {TYPE_ACCESSOR_PAIR, {{8, "getter"}, {16, "setter"}}},
    {TYPE_CELL, {{8, "value"}}},
    {TYPE_FEEDBACK_CELL, {{8, "value"}}},
    {TYPE_PROPERTY_CELL, {{24, "value"}, {32, "dependent_code"}}},
    {TYPE_ALLOCATION_SITE, {{8, "transition_info"}, {16, "nested_site"}, {32, "dependent_code"}}},
};

/* The same by root map. */
static const struct {
    const char *root;
    struct v8_edge_field field[EDGE_FIELDS];
} by_root_fields[] = {
    {"symbol_map", {{16, "name"}}},
    {"script_map", {{8, "source"}, {16, "name"}, {40, "context_data"}, {56, "line_ends"}}},
    {"array_boilerplate_description_map", {{16, "constant_elements"}}},
};

enum { N_BY_TYPE = sizeof by_type / sizeof *by_type, LIST_KEPT = 1 << 15 };

/* --- opening --- */

static void set_family(struct v8_edge_reader *r, const char *root, enum v8_edge_family family,
                       uint8_t fields) {
    struct v8_map_info m;
    if (v8_layout_root_map(r->o->img, r->o->l, root, &m) < 0)
        return;
    r->family[m.type] = (uint8_t)family;
    r->fields[m.type] = fields;
}

static void set_families(struct v8_edge_reader *r) {
    const struct v8_layout *l = r->o->l;
    for (unsigned t = 0; t < 1u << 16; t++) {
        enum v8_kind k = (enum v8_kind)r->o->kinds[t];
        if (k == KIND_STRING)
            r->family[t] = FAMILY_STRING;
        else if (k == KIND_MAP)
            r->family[t] = FAMILY_MAP;
        else if (v8_is_receiver(k) && k != KIND_PROXY)
            r->family[t] = FAMILY_RECEIVER;
        else if (r->o->types[t] == TYPE_CONTEXT_CELL)
            r->family[t] = FAMILY_CELL;
        for (size_t i = 0; i < N_BY_TYPE; i++)
            if (r->o->types[t] == by_type[i].type) {
                r->family[t] = FAMILY_FIELDS;
                r->fields[t] = (uint8_t)i;
            }
    }
    for (size_t i = 0; i < sizeof by_root / sizeof *by_root; i++)
        set_family(r, by_root[i].root, by_root[i].family, 0);
    for (size_t i = 0; i < sizeof by_root_fields / sizeof *by_root_fields; i++)
        set_family(r, by_root_fields[i].root, FAMILY_FIELDS, (uint8_t)(N_BY_TYPE + i));
    for (unsigned t = l->first_context_type; t <= l->last_context_type; t++)
        r->family[t] = FAMILY_CONTEXT;
}

static void add_inessential(struct v8_edge_reader *r, uint64_t value) {
    if (r->n_inessential == sizeof r->inessential / sizeof *r->inessential)
        return;
    if (!r->n_inessential || value < r->least)
        r->least = value;
    if (value > r->most)
        r->most = value;
    r->inessential[r->n_inessential++] = value;
}

/* V8HeapExplorer::IsEssentialObject; every oddball is a root. */
static void find_inessential(struct v8_edge_reader *r) {
    static const char *const names[] = {
        "the_hole_value",           "empty_byte_array",
        "empty_fixed_array",        "empty_weak_fixed_array",
        "fixed_array_map",          "empty_descriptor_array",
        "global_property_cell_map", "cell_map",
        "shared_function_info_map", "free_space_map",
        "one_pointer_filler_map",   "two_pointer_filler_map",
    };
    const struct v8_layout *l = r->o->l;
    uint64_t value;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int root = v8_layout_root(l, names[i]);
        if (root >= 0 &&
            v8_objects_read(r->o, l->main_roots + 8 * (uint64_t)root, &value, sizeof value) == 0)
            add_inessential(r, value);
    }
    for (size_t i = 0; i < l->n_roots; i++)
        if (v8_objects_read(r->o, l->main_roots + 8 * i, &value, sizeof value) == 0 &&
            v8_kind(r->o, value) == KIND_ODDBALL)
            add_inessential(r, value);
}

/* The snapshot's own table of a native context's fields, {int index; const char *name}. */
static void find_native_names(struct v8_edge_reader *r) {
    enum { NAMES_MAX = 2000, NAME_MAX_ = 128, ENTRY = 16 };
    struct elf_symbol sym;
    const struct v8_layout *l = r->o->l;
    if (!l->elf || elf_file_symbol(l->elf, "_ZN2v88internalL20native_context_namesE", &sym) < 0 ||
        sym.size / ENTRY > NAMES_MAX)
        return;
    size_t n = sym.size / ENTRY;
    r->native_names = mem_zalloc((n + 1) * sizeof *r->native_names);
    for (size_t i = 0; i < n; i++) {
        uint64_t entry[2];
        char s[NAME_MAX_];
        if (image_read(r->o->img, sym.value + l->bias + ENTRY * i, entry, sizeof entry) < 0 ||
            image_read_string(r->o->img, entry[1], s, sizeof s) < 0)
            return;
        r->native_names[r->n_native_names++] =
            (struct v8_edge_field){(int32_t)(16 + 8 * (entry[0] & 0xffff)), mem_strdup(s)};
    }
}

struct v8_edge_reader *v8_edge_reader_new(struct v8_objects *o, const struct v8_nodes *nodes) {
    struct v8_edge_reader *r = mem_zalloc(sizeof *r);
    r->o = o;
    r->nodes = nodes;
    r->dictionary_elements = v8_layout_constant(o->img, o->l, "elements_dictionary_elements", -1);
    set_families(r);
    find_inessential(r);
    find_native_names(r);
    return r;
}

void v8_edge_reader_free(struct v8_edge_reader *r) {
    if (!r)
        return;
    for (size_t i = 0; i < r->n_native_names; i++)
        free((char *)r->native_names[i].name);
    free(r->native_names);
    vec_free(&r->list);
    free(r);
}

/* --- telling --- */

bool edge_is_essential(const struct v8_edge_reader *r, uint64_t word) {
    uint64_t to = v8_strong(word);
    if (to < r->least || to > r->most)
        return true;
    for (size_t i = 0; i < r->n_inessential; i++)
        if (r->inessential[i] == to)
            return false;
    return true;
}

void edge_visited(struct v8_edge_reader *r, int64_t offset) {
    if (offset >= 0 && (uint64_t)offset < r->bytes && offset / 8 < EDGE_VISITED_WORDS)
        r->visited[offset / 512] |= 1ull << (offset / 8 % 64);
}

static bool is_visited(const struct v8_edge_reader *r, uint64_t offset) {
    return offset / 8 < EDGE_VISITED_WORDS && r->visited[offset / 512] >> (offset / 8 % 64) & 1;
}

static void add_field(struct v8_edge_reader *r, int32_t offset, enum v8_edge_kind kind,
                      const char *name) {
    uint64_t word;
    uint32_t node;
    if (offset < 8 || (uint64_t)offset + 8 > r->bytes ||
        !v8_field(r->o, r->object, offset, &word) || !edge_is_essential(r, word) ||
        (node = v8_node_at(r->nodes, word)) == V8_NO_NODE)
        return;
    edge_visited(r, offset);
    edge_add_to(r, word, node,
                (struct v8_edge){.kind = (uint8_t)kind, .form = EDGE_BY_TEXT, .text = name});
}

void edge_field(struct v8_edge_reader *r, int32_t offset, const char *name) {
    add_field(r, offset, EDGE_INTERNAL, name);
}

void edge_weak_field(struct v8_edge_reader *r, int32_t offset, const char *name) {
    add_field(r, offset, EDGE_WEAK, name);
}

/* Up to the end of a page: those are kept. */
size_t edge_read_words(struct v8_edge_reader *r, uint64_t addr, uint64_t n,
                       uint64_t ret[EDGE_CHUNK]) {
    uint64_t left = (PAGE_BYTES - addr % PAGE_BYTES) / 8;
    n = n < EDGE_CHUNK ? n : EDGE_CHUNK;
    n = n < left ? n : left;
    return v8_objects_read(r->o, addr, ret, 8 * n) == 0 ? n : 0;
}

/* --- families --- */

static void add_fields(struct v8_edge_reader *r) {
    uint8_t i = r->fields[r->type];
    const struct v8_edge_field *f =
        i < N_BY_TYPE ? by_type[i].field : by_root_fields[i - N_BY_TYPE].field;
    for (size_t k = 0; k < EDGE_FIELDS && f[k].name; k++)
        edge_field(r, f[k].offset, f[k].name);
}

/* Low bits of a string's type; cons, sliced, thin: src/objects/string.tq. */
static void add_string(struct v8_edge_reader *r) {
    enum { REPRESENTATION = 7, CONS = 1, SLICED = 3, THIN = 5, FIRST = 16, SECOND = 24 };
    switch (r->type & REPRESENTATION) {
    case CONS:
        edge_field(r, FIRST, "first");
        edge_field(r, SECOND, "second");
        break;
    case SLICED:
        edge_field(r, FIRST, "parent");
        break;
    case THIN:
        edge_field(r, FIRST, "actual");
        break;
    default:
        break;
    }
}

/* Map, src/objects/map.h. */
static void add_map(struct v8_edge_reader *r) {
    enum { TYPE = 12, PROTOTYPE = 24, CONSTRUCTOR = 32, DESCRIPTORS = 40, CODE = 48, MORE = 64 };
    uint64_t more = v8_field_or_0(r->o, r->object, MORE);
    uint64_t constructor = v8_field_or_0(r->o, r->object, CONSTRUCTOR);
    uint32_t type = 0, bits3 = 0;
    v8_field_u32(r->o, r->object, TYPE, &type);
    v8_field_u32(r->o, r->object, 16, &bits3);
    type &= 0xffff;
    if ((more & 3) == 3)
        edge_weak_field(r, MORE, "transition");
    else if (r->family[(uint16_t)v8_instance_type(r->o, more)] == FAMILY_ARRAY)
        edge_field(r, MORE, "transition");
    else if (v8_type(r->o, more) == TYPE_PROTOTYPE_INFO)
        edge_field(r, MORE, "prototype_info");
    else if (!(bits3 >> 20 & 1)) /* no prototype's map */
        edge_field(r, MORE, "transitions");
    edge_field(r, DESCRIPTORS, "descriptors");
    edge_field(r, PROTOTYPE, "prototype");
    if (type >= r->o->l->first_context_type && type <= r->o->l->last_context_type)
        edge_field(r, CONSTRUCTOR, "native_context");
    else if (v8_kind(r->o, constructor) == KIND_MAP)
        edge_field(r, CONSTRUCTOR, "back_pointer");
    else if (v8_type(r->o, constructor) == TYPE_FUNCTION_TEMPLATE_INFO)
        edge_field(r, CONSTRUCTOR, "constructor_function_data");
    else
        edge_field(r, CONSTRUCTOR, "constructor");
    edge_field(r, CODE, "dependent_code");
}

static void add_variables(struct v8_edge_reader *r) {
    struct v8_variables all;
    struct v8_variable v;
    v8_variables_open(r->o, r->object, &all);
    while (v8_variables_next(&all, &v)) {
        struct v8_edge e = {.kind = EDGE_CONTEXT, .form = EDGE_BY_KEY, .key = v.name};
        if (v.slot == v.value) {
            edge_visited(r, v.offset);
        } else {
            edge_add(r, v.slot,
                     (struct v8_edge){.kind = EDGE_INTERNAL, .form = EDGE_BY_KEY, .key = v.name});
            edge_visited(r, v.offset);
            e.is_ours = true;
        }
        if (!v.is_number)
            edge_add(r, v.value, e);
    }
}

static void add_context(struct v8_edge_reader *r) {
    enum { SCOPE_INFO = 16, PREVIOUS = 24, EXTENSION = 32 };
    struct v8_scope scope;
    bool native = r->type == r->o->l->native_context_type;
    if (!native)
        add_variables(r);
    edge_field(r, SCOPE_INFO, "scope_info");
    edge_field(r, PREVIOUS, "previous");
    if (native)
        edge_field(r, EXTENSION, v8_snapshot_form(r->o->l)->native_extension);
    else if (v8_context_scope(r->o, r->object, &scope) && scope.header_slots == 3)
        edge_field(r, EXTENSION, "extension");
    for (size_t i = 0; native && i < r->n_native_names; i++)
        edge_field(r, r->native_names[i].offset, r->native_names[i].name);
}

/* Module::exports is an ObjectHashTable from names to Cells (src/objects/module.tq): behind three
 * words of header, key and value in turns. */
static void add_exports(struct v8_edge_reader *r) {
    enum { EXPORTS = 8, FIRST = 16 + 3 * 8, ENTRY = 16, CELL_VALUE = 8 };
    uint64_t table = v8_field_or_0(r->o, r->object, EXPORTS);
    uint32_t node = v8_node_at(r->nodes, table);
    uint64_t bytes = node == V8_NO_NODE ? 0 : v8_node_bytes(r->nodes, node);
    for (uint64_t at = FIRST; at + ENTRY <= bytes; at += ENTRY) {
        uint64_t name = v8_field_or_0(r->o, table, (int32_t)at);
        uint64_t cell = v8_field_or_0(r->o, table, (int32_t)at + 8);
        struct v8_edge e = {
            .kind = EDGE_SHORTCUT, .form = EDGE_EXPORT, .key = name, .is_ours = true};
        if (v8_kind(r->o, name) == KIND_STRING && v8_type(r->o, cell) == TYPE_CELL)
            edge_add(r, v8_field_or_0(r->o, cell, CELL_VALUE), e);
    }
}

static void add_shared(struct v8_edge_reader *r) {
    const struct v8_facts *f = &r->o->l->facts;
    edge_field(r, f->shared_name, "name_or_scope_info");
    edge_field(r, f->shared_script,
               f->shared_script == 32 && r->o->l->version[0] < 12 ? "script_or_debug_info"
                                                                  : "script");
    edge_field(r, f->shared_name + 8, "raw_outer_scope_info_or_feedback_metadata");
    edge_field(r, 8, "function_data");
}

/* Named fields of the family; arrays are told word by word. */
static void add_named(struct v8_edge_reader *r) {
    switch ((enum v8_edge_family)r->family[r->type]) {
    case FAMILY_FIELDS:
        add_fields(r);
        break;
    case FAMILY_STRING:
        add_string(r);
        break;
    case FAMILY_MAP:
        add_map(r);
        break;
    case FAMILY_CONTEXT:
        add_context(r);
        break;
    case FAMILY_RECEIVER:
        edges_of_receiver(r);
        break;
    case FAMILY_DESCRIPTORS:
        for (int32_t at = 16; at < r->o->l->facts.descriptor_array_header; at += 8)
            if (v8_type(r->o, v8_field_or_0(r->o, r->object, at)) == TYPE_ENUM_CACHE)
                edge_field(r, at, "enum_cache");
        break;
    default:
        if (v8_kind(r->o, r->object) == KIND_SHARED)
            add_shared(r);
        if (r->o->types[r->type] == TYPE_SOURCE_TEXT_MODULE ||
            r->o->types[r->type] == TYPE_SYNTHETIC_MODULE)
            add_exports(r);
        if (r->o->types[r->type] == TYPE_WEAK_CELL) {
            edge_weak_field(r, r->o->l->facts.weak_cell_target, "target");
            edge_weak_field(r, r->o->l->facts.weak_cell_target + 8, "unregister_token");
        }
        break;
    }
}

/* --- word by word --- */

struct words {
    uint64_t first, index_at, end; /* of references; what has indices counts from index_at */
    uint32_t hidden;               /* the next number of a hidden reference */
    bool has_indices, ephemerons;
};

static struct words words_of(const struct v8_edge_reader *r) {
    const struct v8_layout *l = r->o->l;
    struct words w = {8, 16, r->bytes, 0, false, false};
    switch ((enum v8_edge_family)r->family[r->type]) {
    case FAMILY_EPHEMERONS:
        w.ephemerons = true;
        w.has_indices = true;
        break;
    case FAMILY_ARRAY:
    case FAMILY_WEAK_ARRAY:
        w.has_indices = true;
        break;
    case FAMILY_WEAK_LIST:
        w.has_indices = true;
        w.index_at = 24;
        break;
    case FAMILY_DESCRIPTORS:
        w.has_indices = true;
        w.index_at = (uint64_t)l->facts.descriptor_array_header;
        break;
    default:
        break;
    }
    if (l->body[r->type] == BODY_NONE)
        w.end = 0;
    else if (l->body[r->type] == BODY_HEADER)
        w.end = l->header[r->type];
    else if (r->type == l->native_context_type)
        w.end -=
            8 * (uint64_t)l->facts.native_context_links + (uint64_t)l->facts.native_context_extra;
    else if (l->body[r->type] == BODY_SITE && r->bytes == l->allocation_site_bytes)
        w.end -= 8;
    return w;
}

/* Entries begin behind three words; key and value in turns, both held weakly by the table. */
static void add_ephemeron(struct v8_edge_reader *r, uint64_t at, uint64_t word) {
    enum { ENTRIES = 16 + 3 * 8 };
    uint32_t index = (uint32_t)((at - 16) / 8);
    edge_add(r, word, (struct v8_edge){.kind = EDGE_WEAK, .index = index});
    uint64_t key = (at - ENTRIES) % 16 ? v8_field_or_0(r->o, r->object, (int32_t)at - 8) : 0;
    if (v8_node_at(r->nodes, key) != V8_NO_NODE && v8_kind(r->o, key) != KIND_ODDBALL)
        edge_add(r, word,
                 (struct v8_edge){.kind = EDGE_INTERNAL, .form = EDGE_EPHEMERON, .key = key});
}

static void add_word(struct v8_edge_reader *r, struct words *w, uint64_t at, uint64_t word) {
    enum { ENTRIES = 16 + 3 * 8 };
    struct v8_edge e = {.kind = (word & 3) == 3 ? EDGE_WEAK : EDGE_HIDDEN, .index = w->hidden};
    uint32_t node = is_visited(r, at) || !(word & 1) ? V8_NO_NODE : v8_node_at(r->nodes, word);
    if (node == V8_NO_NODE)
        return;
    if (w->has_indices && at >= w->index_at) {
        if (r->only && r->only != v8_strong(word))
            return;
        if (!edge_is_essential(r, word))
            return;
        if (w->ephemerons && at >= ENTRIES) {
            add_ephemeron(r, at, word);
            return;
        }
        e.kind = (word & 3) == 3 ? EDGE_WEAK : EDGE_INTERNAL;
        e.index = (uint32_t)((at - w->index_at) / 8);
    } else {
        w->hidden++;
        if (!edge_is_essential(r, word))
            return;
    }
    edge_add_to(r, word, node, e);
}

static void add_words(struct v8_edge_reader *r) {
    struct words w = words_of(r);
    uint64_t buf[EDGE_CHUNK], start = r->object & ~3ull, map = v8_field_or_0(r->o, r->object, 0);
    struct v8_edge e = {.kind = EDGE_INTERNAL, .form = EDGE_BY_TEXT, .text = "map"};
    if (edge_is_essential(r, map))
        edge_add(r, map, e);
    else
        w.hidden++;
    for (uint64_t at = w.first; at + 8 <= w.end;) {
        size_t n = edge_read_words(r, start + at, (w.end - at) / 8, buf);
        if (!n)
            return;
        for (size_t i = 0; i < n; i++)
            add_word(r, &w, at + 8 * i, buf[i]);
        at += 8 * n;
    }
}

/* Machine code refers from any byte, functions to their code through a table: as the walk found. */
static void add_unaligned(struct v8_edge_reader *r) {
    size_t n;
    const uint32_t *refs = v8_node_refs(r->nodes, r->node, &n);
    for (size_t i = 1; i < n; i++)
        edge_add(r, v8_node_addr(r->nodes, V8_REF_NODE(refs[i])) | 1,
                 (struct v8_edge){.kind = refs[i] & V8_REF_WEAK ? EDGE_WEAK : EDGE_HIDDEN,
                                  .index = (uint32_t)i - 1});
}

const struct v8_edge *v8_edges_of(struct v8_edge_reader *r, uint32_t node, uint64_t only,
                                  size_t *ret_n) {
    if (r->list.cap > LIST_KEPT) /* of a large array */
        vec_free(&r->list);
    r->list.n = 0;
    r->node = node;
    r->object = v8_node_addr(r->nodes, node) | 1;
    r->bytes = v8_node_bytes(r->nodes, node);
    r->only = only ? v8_strong(only) : 0;
    r->type = v8_instance_type(r->o, r->object);
    size_t words = r->bytes / 512 + 1, most = EDGE_VISITED_WORDS / 64;
    memset(r->visited, 0, (words < most ? words : most) * sizeof *r->visited);
    if (r->type >= 0 && r->o->l->body[r->type] == BODY_BYTES) {
        add_unaligned(r);
    } else if (r->type >= 0) {
        add_named(r);
        add_words(r);
    }
    *ret_n = r->list.n;
    return r->list.at;
}

bool v8_edge_is_storage(const struct v8_edge_reader *r, uint64_t object) {
    int type = v8_instance_type(r->o, object);
    if (type < 0)
        return false;
    enum v8_edge_family f = (enum v8_edge_family)r->family[type];
    enum v8_kind k = (enum v8_kind)r->o->kinds[type];
    return f == FAMILY_ARRAY || f == FAMILY_EPHEMERONS || f == FAMILY_DESCRIPTORS ||
           f == FAMILY_CELL || k == KIND_ARRAY || k == KIND_PROPERTY_CELL ||
           r->o->types[type] == TYPE_ACCESSOR_PAIR || r->o->types[type] == TYPE_CELL;
}

bool v8_edge_is_descriptors(const struct v8_edge_reader *r, uint64_t object) {
    int type = v8_instance_type(r->o, object);
    return type >= 0 && r->family[type] == FAMILY_DESCRIPTORS;
}

/* --- names --- */

const char *v8_edge_kind_name(enum v8_edge_kind k) {
    static const char *const names[EDGE_KINDS] = {
        [EDGE_CONTEXT] = "context",   [EDGE_ELEMENT] = "element", [EDGE_PROPERTY] = "property",
        [EDGE_INTERNAL] = "internal", [EDGE_HIDDEN] = "hidden",   [EDGE_SHORTCUT] = "shortcut",
        [EDGE_WEAK] = "weak",
    };
    return names[k];
}

/* StringsStorage::GetName, src/profiler/strings-storage.cc. */
static char *key_text(struct v8_objects *o, uint64_t key) {
    enum { SYMBOL_FLAGS = 12, SYMBOL_DESCRIPTION = 16, PRIVATE = 3 };
    uint32_t flags; /* up to 13 bit 0 says private; in 14 two bits say how */
    if (v8_kind(o, key) != KIND_SYMBOL) {
        char *s = v8_string_utf8(o, key, LIMIT_V8_NAME);
        return s ? s : mem_strdup("?");
    }
    char *s = v8_string_utf8(o, v8_field_or_0(o, key, SYMBOL_DESCRIPTION), LIMIT_V8_NAME);
    if (s && *s == '#' && v8_field_u32(o, key, SYMBOL_FLAGS, &flags) && flags & PRIVATE)
        return s;
    char *longer = s ? mem_printf("<symbol %s>", s) : mem_strdup("<symbol>");
    free(s);
    return longer;
}

char *v8_edge_name(struct v8_objects *o, const struct v8_edge *e) {
    cleanup_free char *key = NULL;
    switch ((enum v8_edge_form)e->form) {
    case EDGE_BY_INDEX:
        return mem_printf("%u", e->index);
    case EDGE_BY_TEXT:
        return mem_strdup(e->text);
    case EDGE_BY_KEY:
        return key_text(o, e->key);
    case EDGE_GETTER:
    case EDGE_SETTER:
        key = key_text(o, e->key);
        return mem_printf("%s %s", e->form == EDGE_GETTER ? "get" : "set", key);
    case EDGE_ARGUMENT:
        return mem_printf("bound_argument_%u", e->index);
    case EDGE_ENTRY_KEY:
        return mem_printf("key %u", e->index);
    case EDGE_MEMBER:
        return mem_printf("member %u", e->index);
    case EDGE_ENTRY:
        key = v8_value_summary(o, e->key);
        return mem_printf("value of %s", key);
    case EDGE_EXPORT:
        key = key_text(o, e->key);
        return mem_printf("export %s", key);
    case EDGE_EPHEMERON:
        key = v8_value_summary(o, e->key);
        return mem_printf("part of key (%s) -> value pair in WeakMap", key);
    }
    return mem_strdup("?");
}
