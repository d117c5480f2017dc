#include "v8/properties.h"

#include "base/limits.h"
#include "v8/functions.h"
#include "v8/strings.h"
#include <string.h>

/* Map, JSObject, Symbol, AccessorPair: src/objects, the same from 7.8 to 14.6. */
enum {
    MAP_SIZE = 8,   /* words, a byte; then where in-object properties start */
    MAP_BITS = 12,  /* instance type, bit_field, bit_field2 */
    MAP_BITS3 = 16, /* bit_field3 */
    MAP_PROTOTYPE = 24,
    MAP_CONSTRUCTOR = 32,
    MAP_DESCRIPTORS = 40,
    OBJECT_PROPERTIES = 8,
    SYMBOL_DESCRIPTION = 16,
    DONT_ENUM = 2,
    REPRESENTATION = 6, /* shift in the details (property-details.h) */
    REPRESENTATION_DOUBLE = 2,
    DICTIONARY_INDEX = 8, /* shift in the details: DictionaryStorageField (property-details.h) */
    CHAIN_MAX = 1000,     /* prototypes, or maps a map came from; more is a ring */
};

static uint64_t map_of(struct v8_objects *o, uint64_t object) {
    return v8_is_receiver(v8_kind(o, object)) ? v8_field_or_0(o, object, 0) : 0;
}

static void open_dictionary(struct v8_properties *p) {
    uint64_t table = v8_field_or_0(p->o, p->object, OBJECT_PROPERTIES);
    if (v8_kind(p->o, table) != KIND_ARRAY)
        return;
    p->table = table;
    p->is_global = v8_type(p->o, p->object) == TYPE_JS_GLOBAL_OBJECT;
    p->at = p->is_global ? 3 : 3 + p->o->l->facts.dictionary_prefix;
    p->n = v8_array_length(p->o, table) - (p->is_global ? 0 : 2);
}

void v8_properties_open(struct v8_objects *o, uint64_t object, struct v8_properties *ret) {
    struct v8_properties p = {.o = o, .object = object};
    uint64_t map = map_of(o, object), words;
    uint32_t bits;
    *ret = p;
    if (!map || !v8_field_u32(o, map, MAP_BITS3, &bits) || !v8_field(o, map, MAP_SIZE, &words))
        return;
    p.is_fast = !(bits >> 21 & 1);
    if (p.is_fast) {
        p.in_object_end = (uint8_t)words;
        p.in_object_start = (uint8_t)(words >> 8);
        p.n = bits >> 10 & 0x3ff;
        p.table = v8_field_or_0(o, map, MAP_DESCRIPTORS);
        p.more = v8_field_or_0(o, object, OBJECT_PROPERTIES);
    } else {
        open_dictionary(&p);
    }
    *ret = p;
}

/* Where in the object, or in the array of more, the property's value is. */
static bool fast_value(const struct v8_properties *p, uint32_t details, uint64_t constant,
                       struct v8_property *ret) {
    ret->offset = -1;
    if (details & p->o->location_mask) { /* in the descriptor itself */
        ret->value = constant;
        return true;
    }
    uint32_t index = (details & 0x1ff80000u) >> 19;
    uint32_t in_object = (uint32_t)(p->in_object_end - p->in_object_start);
    if (p->in_object_end >= p->in_object_start && index < in_object) {
        ret->offset = (int32_t)(8 * (p->in_object_start + index));
        ret->is_double = p->o->l->facts.unboxed_doubles == 1 &&
                         (details >> REPRESENTATION & 7) == REPRESENTATION_DOUBLE;
        return v8_field(p->o, p->object, ret->offset, &ret->value);
    }
    return v8_kind(p->o, p->more) == KIND_ARRAY &&
           v8_field(p->o, p->more, (int32_t)(16 + 8 * (index - in_object)), &ret->value);
}

static void set_details(const struct v8_properties *p, uint32_t details, struct v8_property *ret) {
    ret->is_accessor = details & 1;
    ret->is_enumerable = !(details >> p->o->attributes_shift & DONT_ENUM);
}

static bool next_fast(struct v8_properties *p, struct v8_property *ret) {
    while (p->at < p->n) {
        int32_t entry = p->o->l->facts.descriptor_array_header + (int32_t)(24 * p->at++);
        struct v8_property found = {0};
        uint64_t details, constant;
        if (!v8_field(p->o, p->table, entry, &found.key) ||
            !v8_field(p->o, p->table, entry + 8, &details) ||
            !v8_field(p->o, p->table, entry + 16, &constant))
            return false;
        uint32_t d = (uint32_t)v8_smi(details);
        if (v8_is_smi(details) && fast_value(p, d, constant, &found)) {
            set_details(p, d, &found);
            *ret = found;
            return true;
        }
    }
    return false;
}

static bool next_in_dictionary(struct v8_properties *p, struct v8_property *ret) {
    uint64_t key, value, details;
    while (p->at < p->n) {
        int32_t at = (int32_t)(16 + 8 * p->at);
        if (!v8_field(p->o, p->table, at, &key) || !v8_field(p->o, p->table, at + 8, &value) ||
            !v8_field(p->o, p->table, at + 16, &details))
            return false; /* a length that is none */
        p->at += 3;
        enum v8_kind k = v8_kind(p->o, key);
        if (k != KIND_STRING && k != KIND_SYMBOL)
            continue;
        *ret = (struct v8_property){.key = key, .value = value, .offset = -1};
        set_details(p, (uint32_t)v8_smi(details), ret);
        ret->order = (uint32_t)v8_smi(details) >> DICTIONARY_INDEX;
        return true;
    }
    return false;
}

/* PropertyCell: name, details, value (src/objects/property-cell.tq, 9.4 to 14.6). */
static bool next_global(struct v8_properties *p, struct v8_property *ret) {
    uint64_t cell;
    while (p->at < p->n && v8_field(p->o, p->table, (int32_t)(16 + 8 * p->at++), &cell)) {
        if (v8_kind(p->o, cell) != KIND_PROPERTY_CELL)
            continue;
        *ret = (struct v8_property){.key = v8_field_or_0(p->o, cell, 8),
                                    .value = v8_field_or_0(p->o, cell, 24),
                                    .offset = -1};
        set_details(p, (uint32_t)v8_smi(v8_field_or_0(p->o, cell, 16)), ret);
        return true;
    }
    return false;
}

bool v8_properties_next(struct v8_properties *p, struct v8_property *ret) {
    if (!p->table)
        return false;
    if (p->is_global)
        return next_global(p, ret);
    return p->is_fast ? next_fast(p, ret) : next_in_dictionary(p, ret);
}

static int by_order(const void *a, const void *b) {
    const struct v8_property *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

void v8_properties_all(struct v8_objects *o, uint64_t object, struct v8_property_list *ret) {
    struct v8_properties p;
    struct v8_property found;
    *ret = (struct v8_property_list){0};
    v8_properties_open(o, object, &p);
    while (v8_properties_next(&p, &found))
        vec_push(&ret->list, found);
    if (!p.is_fast)
        vec_sort(&ret->list, by_order);
}

static bool key_is(struct v8_objects *o, uint64_t key, const char *name) {
    if (v8_kind(o, key) == KIND_SYMBOL)
        key = v8_field_or_0(o, key, SYMBOL_DESCRIPTION);
    return v8_string_is(o, key, name);
}

bool v8_property_own(struct v8_objects *o, uint64_t object, const char *name,
                     struct v8_property *ret) {
    struct v8_properties p;
    struct v8_property found;
    v8_properties_open(o, object, &p);
    while (v8_properties_next(&p, &found))
        if (key_is(o, found.key, name)) {
            *ret = found;
            return true;
        }
    return false;
}

uint64_t v8_prototype(struct v8_objects *o, uint64_t object) {
    uint64_t map = map_of(o, object);
    uint64_t prototype = map ? v8_field_or_0(o, map, MAP_PROTOTYPE) : 0;
    return v8_is_receiver(v8_kind(o, prototype)) ? prototype : 0;
}

bool v8_property_find(struct v8_objects *o, uint64_t object, const char *name,
                      struct v8_property *ret) {
    for (int i = 0; object && i < CHAIN_MAX; i++, object = v8_prototype(o, object))
        if (v8_property_own(o, object, name, ret))
            return true;
    return false;
}

/* Map::GetConstructor: a map that came from another leads there. */
static uint64_t constructor_of(struct v8_objects *o, uint64_t map) {
    uint64_t c = v8_field_or_0(o, map, MAP_CONSTRUCTOR);
    for (int i = 0; v8_kind(o, c) == KIND_MAP && i < CHAIN_MAX; i++)
        c = v8_field_or_0(o, c, MAP_CONSTRUCTOR);
    return v8_kind(o, c) == KIND_FUNCTION ? c : 0;
}

/* The debug name of a constructor; NULL when it is none, has none, or is Object. */
static char *telling_name(struct v8_objects *o, uint64_t constructor) {
    struct v8_shared s;
    if (v8_shared_read(o, v8_shared_of(o, constructor), &s) < 0)
        return NULL;
    uint64_t name = v8_shared_debug_name(o, &s);
    return name && !v8_string_is(o, name, "Object") ? v8_string_utf8(o, name, LIMIT_V8_NAME) : NULL;
}

static char *name_by_prototypes(struct v8_objects *o, uint64_t receiver) {
    uint64_t at = receiver;
    for (int i = 0; at && i < CHAIN_MAX; i++, at = v8_prototype(o, at)) {
        struct v8_property p;
        char *name = NULL;
        if (v8_property_own(o, at, "Symbol.toStringTag", &p) && !p.is_accessor &&
            v8_kind(o, p.value) == KIND_STRING)
            return v8_string_utf8(o, p.value, LIMIT_V8_NAME);
        if (at != receiver && v8_property_own(o, at, "constructor", &p) && !p.is_accessor)
            name = telling_name(o, p.value);
        if (name)
            return name;
    }
    return NULL;
}

/* new_target_is_base: else the map's constructor is that of the base class. Prototypes have Object
 * in its place. */
static bool map_names_constructor(struct v8_objects *o, uint64_t map) {
    uint32_t bits, bits3;
    return v8_field_u32(o, map, MAP_BITS, &bits) && v8_field_u32(o, map, MAP_BITS3, &bits3) &&
           bits >> 24 & 1 && !(bits3 >> 20 & 1);
}

static const char *primitive_name(struct v8_objects *o, uint64_t value) {
    static const char *const names[] = {
        [KIND_STRING] = "String",      [KIND_SYMBOL] = "Symbol", [KIND_ODDBALL] = "Boolean",
        [KIND_HEAP_NUMBER] = "Number", [KIND_BIGINT] = "BigInt",
    };
    enum v8_kind k = v8_kind(o, value);
    if (v8_is_smi(value))
        return "Number";
    return k <= KIND_BIGINT ? names[k] : NULL;
}

char *v8_constructor_name(struct v8_objects *o, uint64_t value) {
    uint64_t map = map_of(o, value);
    char *name = NULL;
    if (!map) {
        const char *primitive = primitive_name(o, value);
        return primitive ? mem_strdup(primitive) : NULL;
    }
    uint64_t constructor = constructor_of(o, map);
    if (map_names_constructor(o, map))
        name = telling_name(o, constructor);
    if (!name)
        name = name_by_prototypes(o, value);
    if (name)
        return name;
    if (v8_kind(o, value) == KIND_FUNCTION)
        return mem_strdup("Function");
    /* JSReceiver::class_name: of the embedder's classes the constructor's; they have no script. */
    struct v8_shared shared;
    if (v8_shared_read(o, v8_shared_of(o, constructor), &shared) == 0 && !shared.script)
        name = telling_name(o, constructor);
    return name ? name : mem_strdup("Object");
}

static bool is_telling(struct v8_objects *o, uint64_t constructor) {
    cleanup_free char *name = telling_name(o, constructor);
    return name != NULL;
}

uint64_t v8_constructor(struct v8_objects *o, uint64_t value) {
    uint64_t map = map_of(o, value), constructor = map ? constructor_of(o, map) : 0, at;
    if (map && map_names_constructor(o, map) && is_telling(o, constructor))
        return constructor;
    at = map ? v8_prototype(o, value) : 0;
    for (int i = 0; at && i < CHAIN_MAX; i++, at = v8_prototype(o, at)) {
        struct v8_property p;
        if (v8_property_own(o, at, "constructor", &p) && !p.is_accessor && is_telling(o, p.value))
            return p.value;
    }
    return 0;
}

char *v8_base_constructor_name(struct v8_objects *o, uint64_t object) {
    uint64_t map = map_of(o, object);
    return map ? telling_name(o, constructor_of(o, map)) : NULL;
}
