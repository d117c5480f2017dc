#include "v8/objects.h"

#include "base/limits.h"
#include <errno.h>
#include <string.h>

/* Pages of the image that are at hand. A page may be in either of two places, of which the one
 * asked for last is not given up: pages of descriptors and maps, which every object leads to, stay
 * while a heap goes by. */
enum { CACHE_SETS = 128, CACHE_WAYS = 2 };

struct v8_object_page {
    uint64_t addr; /* 0: empty */
    uint8_t bytes[PAGE_BYTES];
};

struct v8_object_cache {
    struct v8_object_page page[CACHE_SETS][CACHE_WAYS];
    uint8_t last[CACHE_SETS];
};

/* Kinds by the root map of the type. Missing roots are those of other versions. */
static const struct {
    const char *root;
    enum v8_kind kind;
} by_root[] = {
    {"symbol_map", KIND_SYMBOL},
    {"undefined_map", KIND_ODDBALL},
    {"heap_number_map", KIND_HEAP_NUMBER},
    {"bigint_map", KIND_BIGINT},
    {"meta_map", KIND_MAP},
    {"fixed_array_map", KIND_ARRAY},
    {"fixed_cow_array_map", KIND_ARRAY},
    {"weak_fixed_array_map", KIND_ARRAY},
    {"trusted_fixed_array_map", KIND_ARRAY},
    {"trusted_weak_fixed_array_map", KIND_ARRAY},
    {"protected_fixed_array_map", KIND_ARRAY},
    {"name_dictionary_map", KIND_ARRAY},
    {"name_to_index_hash_table_map", KIND_ARRAY},
    {"global_dictionary_map", KIND_ARRAY},
    {"number_dictionary_map", KIND_ARRAY},
    {"property_array_map", KIND_ARRAY},
    {"ordered_hash_map_map", KIND_ARRAY},
    {"ordered_hash_set_map", KIND_ARRAY},
    {"ephemeron_hash_table_map", KIND_ARRAY},
    {"number_dictionary_map", KIND_ARRAY},
    {"simple_number_dictionary_map", KIND_ARRAY},
    {"hash_table_map", KIND_ARRAY},
    {"fixed_double_array_map", KIND_DOUBLES},
    {"hole_map", KIND_HOLE},
    {"byte_array_map", KIND_BYTES},
    {"trusted_byte_array_map", KIND_BYTES},
    {"shared_function_info_map", KIND_SHARED},
    {"script_map", KIND_SCRIPT},
    {"scope_info_map", KIND_SCOPE_INFO},
    {"uncompiled_data_without_preparse_data_map", KIND_UNCOMPILED},
    {"uncompiled_data_with_preparse_data_map", KIND_UNCOMPILED},
    {"uncompiled_data_without_preparse_data_with_job_map", KIND_UNCOMPILED},
    {"uncompiled_data_with_preparse_data_and_job_map", KIND_UNCOMPILED},
    {"bytecode_array_map", KIND_BYTECODE},
    {"interpreter_data_map", KIND_INTERPRETER_DATA},
    {"baseline_data_map", KIND_BASELINE_DATA},
    {"code_map", KIND_CODE},
    {"instruction_stream_map", KIND_STREAM},
    {"global_property_cell_map", KIND_PROPERTY_CELL},
};

static void kinds_by_root(struct v8_objects *o) {
    for (size_t i = 0; i < sizeof by_root / sizeof *by_root; i++) {
        struct v8_map_info info;
        if (v8_layout_root_map(o->img, o->l, by_root[i].root, &info) == 0)
            o->kinds[info.type] = (uint8_t)by_root[i].kind;
    }
}

/* JS_PROXY_TYPE is the first of the receivers, right before JS_GLOBAL_OBJECT_TYPE (version 7.8
 * states only that one); functions are a run of types that begins with JS_FUNCTION_TYPE
 * (src/objects/instance-type.h). Its end has a name from version 12 on; before, fewer than 17
 * constructors of built-in classes follow, and what v8_shared_of finds decides. */
static void kinds_by_type(struct v8_objects *o, uint16_t proxy, uint16_t global_proxy,
                          uint16_t function, uint16_t last_function) {
    for (unsigned t = proxy; t < 1u << 16; t++)
        o->kinds[t] = KIND_RECEIVER;
    o->kinds[proxy] = KIND_PROXY;
    o->kinds[global_proxy] = KIND_GLOBAL_PROXY;
    for (unsigned t = function; t <= last_function; t++)
        o->kinds[t] = KIND_FUNCTION;
    for (unsigned t = 0; t < o->l->first_nonstring_type; t++)
        o->kinds[t] = KIND_STRING;
}

int v8_objects_open(const struct image *img, const struct v8_layout *l,
                    const struct v8_pages *pages, struct v8_objects *ret) {
    int32_t object = v8_layout_constant(img, l, "type_JSGlobalObject__JS_GLOBAL_OBJECT_TYPE", -1);
    int32_t proxy = v8_layout_constant(img, l, "type_JSProxy__JS_PROXY_TYPE", object - 1);
    int32_t global = v8_layout_constant(img, l, "type_JSGlobalProxy__JS_GLOBAL_PROXY_TYPE", -1);
    int32_t function = v8_layout_constant(img, l, "type_JSFunction__JS_FUNCTION_TYPE", -1);
    int32_t last = v8_layout_constant(img, l, "LastJSFunctionType", function + 16);
    if (l->facts.map_iterator_type > function && l->facts.map_iterator_type <= last)
        last = l->facts.map_iterator_type - 1;
    if (l->facts.function_shared < 0 || proxy < 0 || proxy > UINT16_MAX || global < proxy ||
        global > UINT16_MAX || function < proxy || last < function || last > UINT16_MAX)
        return -ENOTSUP;
    *ret = (struct v8_objects){.img = img, .l = l, .pages = pages};
    ret->location_mask = (uint32_t)v8_layout_constant(img, l, "prop_location_mask", 0x20);
    ret->attributes_shift = (uint32_t)v8_layout_constant(img, l, "prop_attributes_shift", 2) & 31;
    ret->elements_mask = (uint32_t)v8_layout_constant(img, l, "bit_field2_elements_kind_mask", 252);
    ret->elements_shift =
        (uint32_t)v8_layout_constant(img, l, "bit_field2_elements_kind_shift", 2) & 31;
    ret->dictionary_elements =
        v8_layout_constant(img, l, "elements_dictionary_elements", INT32_MIN / 2);
    ret->kinds = mem_alloc(1u << 16);
    memset(ret->kinds, KIND_OTHER, 1u << 16);
    ret->cache = mem_zalloc(sizeof *ret->cache);
    kinds_by_type(ret, (uint16_t)proxy, (uint16_t)global, (uint16_t)function, (uint16_t)last);
    kinds_by_root(ret);
    ret->types = v8_types_load(img, l);
    return 0;
}

void v8_objects_done(struct v8_objects *o) {
    v8_maps_done(&o->maps);
    free(o->cache);
    free(o->kinds);
    free(o->types);
    *o = (struct v8_objects){0};
}

/* A page of the set that holds it, or where it may be read to. */
static struct v8_object_page *page_for(struct v8_object_cache *c, uint64_t at) {
    size_t set = map64_hash(at) % CACHE_SETS, way = c->last[set];
    if (c->page[set][way].addr != at)
        c->last[set] = (uint8_t)(way ^= 1);
    return &c->page[set][way];
}

/* Where the `len` bytes at an address are at hand; NULL: they are in two pages, or not readable. */
static const uint8_t *at_hand(struct v8_objects *o, uint64_t addr, size_t len) {
    uint64_t at = addr & ~(PAGE_BYTES - 1);
    if (!o->cache || len > PAGE_BYTES || addr + len > at + PAGE_BYTES || !at)
        return NULL;
    struct v8_object_page *p = page_for(o->cache, at);
    if (p->addr != at) {
        p->addr = 0;
        if (image_read(o->img, at, p->bytes, PAGE_BYTES) < 0)
            return NULL;
        p->addr = at;
    }
    return p->bytes + (addr - at);
}

int v8_objects_read(struct v8_objects *o, uint64_t addr, void *buf, size_t len) {
    const uint8_t *p = at_hand(o, addr, len);
    if (!p)
        return image_read(o->img, addr, buf, len);
    memcpy(buf, p, len);
    return 0;
}

/* The same of one word, which most are. */
static bool read_word(struct v8_objects *o, uint64_t addr, uint64_t *ret) {
    const uint8_t *p = at_hand(o, addr, sizeof *ret);
    if (!p)
        return image_read_u64(o->img, addr, ret) == 0;
    memcpy(ret, p, sizeof *ret);
    return true;
}

/* Strong references end in 01, weak ones in 11; a cleared one is 3. */
static bool is_reference(uint64_t tagged) {
    return (tagged & 1) && tagged > PAGE_BYTES && tagged < LIMIT_USER_ADDR;
}

/* Of one object it is asked several times. */
static const struct v8_map_info *map_of(struct v8_objects *o, uint64_t tagged) {
    if (tagged != o->last || !tagged) {
        if (!is_reference(tagged) || !read_word(o, tagged & ~3ull, &o->last_map)) {
            o->last = 0;
            return NULL;
        }
        o->last = tagged;
    }
    return v8_maps_get(&o->maps, o->img, o->l, o->pages, o->last_map);
}

enum v8_kind v8_kind_of_map(struct v8_objects *o, uint64_t map) {
    const struct v8_map_info *m = v8_maps_get(&o->maps, o->img, o->l, o->pages, map);
    return m ? (enum v8_kind)o->kinds[m->type] : KIND_NONE;
}

enum v8_kind v8_kind(struct v8_objects *o, uint64_t tagged) {
    const struct v8_map_info *m = map_of(o, tagged);
    return m ? (enum v8_kind)o->kinds[m->type] : KIND_NONE;
}

int v8_instance_type(struct v8_objects *o, uint64_t tagged) {
    const struct v8_map_info *m = map_of(o, tagged);
    return m ? m->type : -1;
}

enum v8_type v8_type(struct v8_objects *o, uint64_t tagged) {
    const struct v8_map_info *m = map_of(o, tagged);
    return m ? (enum v8_type)o->types[m->type] : TYPE_OTHER;
}

bool v8_field(struct v8_objects *o, uint64_t tagged, int32_t offset, uint64_t *ret) {
    return is_reference(tagged) && offset >= 0 &&
           read_word(o, (tagged & ~3ull) + (uint32_t)offset, ret);
}

bool v8_field_u32(struct v8_objects *o, uint64_t tagged, int32_t offset, uint32_t *ret) {
    return is_reference(tagged) && offset >= 0 &&
           v8_objects_read(o, (tagged & ~3ull) + (uint32_t)offset, ret, 4) == 0;
}

uint64_t v8_field_or_0(struct v8_objects *o, uint64_t tagged, int32_t offset) {
    uint64_t v;
    return v8_field(o, tagged, offset, &v) ? v : 0;
}

/* Nothing reaches beyond its page. */
static bool fits_page(const struct v8_objects *o, uint64_t array, uint64_t bytes) {
    const struct v8_page *p = v8_pages_at(o->pages, array);
    return !p || bytes <= p->addr + p->size - (array & ~3ull);
}

int64_t v8_array_length(struct v8_objects *o, uint64_t array) {
    enum v8_kind k = v8_kind(o, array);
    uint64_t n;
    bool is_bytes = k == KIND_BYTES || k == KIND_BYTECODE;
    if ((!is_bytes && k != KIND_ARRAY && k != KIND_DOUBLES) || !v8_field(o, array, 8, &n) ||
        v8_smi(n) < 0)
        return -1;
    return fits_page(o, array, (uint64_t)v8_smi(n) * (is_bytes ? 1 : 8)) ? v8_smi(n) : -1;
}

uint64_t v8_array_get(struct v8_objects *o, uint64_t array, int64_t index) {
    uint64_t v;
    if (index < 0 || v8_kind(o, array) == KIND_DOUBLES || index >= v8_array_length(o, array) ||
        v8_objects_read(o, (array & ~3ull) + 16 + 8 * (uint64_t)index, &v, 8) < 0)
        return 0;
    return v;
}

/* Up to version 11 it is one of the oddballs (Oddball::kTheHole). */
bool v8_is_hole(struct v8_objects *o, uint64_t tagged) {
    enum { ODDBALL_KIND = 40, THE_HOLE = 2 };
    enum v8_kind k = v8_kind(o, tagged);
    if (k != KIND_ODDBALL)
        return k == KIND_HOLE;
    uint64_t kind = v8_field_or_0(o, tagged, ODDBALL_KIND);
    return v8_is_smi(kind) && v8_smi(kind) == THE_HOLE;
}

uint8_t *v8_bytes_get(struct v8_objects *o, uint64_t bytes, size_t max, size_t *ret_n) {
    int64_t n = v8_kind(o, bytes) == KIND_BYTES ? v8_array_length(o, bytes) : -1;
    if (n < 0 || (size_t)n > max)
        return NULL;
    uint8_t *copy = mem_alloc((size_t)n + 1);
    if (image_read(o->img, (bytes & ~3ull) + 16, copy, (size_t)n) < 0) {
        free(copy);
        return NULL;
    }
    *ret_n = (size_t)n;
    return copy;
}
