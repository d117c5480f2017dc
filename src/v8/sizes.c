#include "v8/sizes.h"

#include "base/bytes.h"
#include <errno.h>
#include <string.h>

static int64_t smi_at(const uint8_t *p, size_t offset) {
    return (int64_t)u64_at(p, offset) >> 32;
}
static uint64_t round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) & ~(to - 1);
}

/* Root maps of variable-size objects. Anything with instance size 0 that is not named here is an
 * array of tagged words behind a 16-byte header. Sources: the SizeFor functions under src/objects
 * and torque's generated sizes; holds for 7.8 to 14.6 with the headers of facts.c. */
static const struct {
    const char *root;
    enum v8_size_rule rule;
    uint8_t header;
} rules[] = {
    {"free_space_map", SIZE_FREE_SPACE, 0},
    {"byte_array_map", SIZE_BYTES, 16},
    {"trusted_byte_array_map", SIZE_BYTES, 16},
    {"feedback_metadata_map", SIZE_METADATA, 16},
    {"bigint_map", SIZE_BIGINT, 16},
    {"preparse_data_map", SIZE_PREPARSE, 16},
    {"property_array_map", SIZE_PROPERTIES, 16},
    {"weak_array_list_map", SIZE_ARRAY, 24},
    {"code_map", SIZE_CODE, 0},
    {"instruction_stream_map", SIZE_STREAM, 0},
    {"small_ordered_hash_map_map", SIZE_SMALL_MAP, 0},
    {"small_ordered_hash_set_map", SIZE_SMALL_SET, 0},
    {"small_ordered_name_dictionary_map", SIZE_SMALL_NAMES, 0},
    {"swiss_name_dictionary_map", SIZE_SWISS, 0},
    {"double_string_cache_map", SIZE_PAIRS, 0},
    {"coverage_info_map", SIZE_PAIRS, 0},
    {"wasm_null_map", SIZE_CONSTANT, 8},
};

static void set_rule(struct v8_layout *l, const struct v8_map_info *maps, const char *root,
                     enum v8_size_rule rule, int header) {
    int i = v8_layout_root(l, root);
    if (i < 0 || !maps[i].map || maps[i].fixed_size || header < 0)
        return;
    l->rule[maps[i].type] = (uint8_t)rule;
    l->header[maps[i].type] = (uint8_t)header;
}

static void set_versioned_rules(struct v8_layout *l, const struct v8_map_info *maps) {
    const struct v8_facts *f = &l->facts;
    set_rule(l, maps, "bytecode_array_map", SIZE_BYTES, f->bytecode_header);
    set_rule(l, maps, "feedback_vector_map", SIZE_VECTOR, f->feedback_vector_header);
    set_rule(l, maps, "array_list_map", SIZE_ARRAY, f->array_list_header);
    set_rule(l, maps, "object_boilerplate_description_map", SIZE_ARRAY, f->boilerplate_header);
    set_rule(l, maps, "script_context_table_map", SIZE_ARRAY, f->boilerplate_header);
    set_rule(l, maps, "regexp_match_info_map", SIZE_ARRAY, f->match_info_header);
    set_rule(l, maps, "sloppy_arguments_elements_map", SIZE_ARRAY, f->sloppy_arguments_header);
    set_rule(l, maps, "descriptor_array_map", SIZE_DESCRIPTORS, f->descriptor_array_header);
    set_rule(l, maps, "strong_descriptor_array_map", SIZE_DESCRIPTORS, f->descriptor_array_header);
    set_rule(l, maps, "wasm_dispatch_table_map", SIZE_WASM_TABLE, f->wasm_dispatch_table_header);
    set_rule(l, maps, "wasm_dispatch_table_for_imports_map", SIZE_WASM_IMPORTS,
             f->wasm_import_table_header);
    set_rule(l, maps, "wasm_type_info_map", SIZE_WASM_TYPE_INFO, f->wasm_type_info_header);
    if (f->wasm_struct_unit > 0 && l->wasm_struct_type && l->wasm_array_type) {
        l->rule[l->wasm_struct_type] = SIZE_WASM_STRUCT;
        l->rule[l->wasm_array_type] = SIZE_WASM_ARRAY;
        l->header[l->wasm_array_type] = 24;
    }
    if (f->hole_size > 0)
        set_rule(l, maps, "hole_map", SIZE_HOLE, 0);
    if (f->scope_info_flavour)
        set_rule(l, maps, "scope_info_map", SIZE_SCOPE_INFO, 0);
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

void v8_map_parse(const struct v8_layout *l, uint64_t map, const uint8_t bytes[V8_MAP_HEAD],
                  struct v8_map_info *ret) {
    *ret = (struct v8_map_info){
        .map = map,
        .meta = u64_at(bytes, 0),
        .fixed_size = 8u * bytes[8],
        .wasm_bytes = bytes[9],
        .type = (uint16_t)u32_at(bytes, 12),
    };
    ret->rule = l->rule[ret->type];
    ret->header = l->header[ret->type];
    if (ret->rule == SIZE_WASM_STRUCT)
        ret->wasm_bytes = (uint16_t)(bytes[9] | bytes[10] << 8);
}

int v8_map_read(const struct image *img, const struct v8_layout *l, uint64_t map,
                struct v8_map_info *ret) {
    uint8_t bytes[V8_MAP_HEAD];
    if ((map & 3) != 1)
        return -EBADMSG;
    if (image_read(img, map - 1, bytes, sizeof bytes) < 0)
        return -EFAULT;
    v8_map_parse(l, map, bytes, ret);
    return 0;
}

void v8_sizes_setup(struct v8_layout *l, const struct v8_map_info *maps) {
    for (size_t i = 0; i < l->n_roots; i++)
        if (ends_with(l->root_names[i], "_map"))
            set_rule(l, maps, l->root_names[i], SIZE_ARRAY, 16);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        set_rule(l, maps, rules[i].root, rules[i].rule, rules[i].header);
    set_versioned_rules(l, maps);
    for (unsigned t = 0; t < l->first_nonstring_type; t++)
        if ((t & l->string_representation_mask) == 0) /* kSeqStringTag is 0 */
            l->rule[t] =
                (t & l->string_encoding_mask) == l->one_byte_tag ? SIZE_ONE_BYTE : SIZE_TWO_BYTE;
    /* From version 10 on the maps of contexts belong to each native context, so they are no roots.
     */
    for (unsigned t = l->first_context_type; t <= l->last_context_type; t++) {
        l->rule[t] = SIZE_ARRAY;
        l->header[t] = 16;
    }
    l->rule[l->native_context_type] = SIZE_ARRAY;
    l->header[l->native_context_type] = (uint8_t)(16 + l->facts.native_context_extra);
}

/* ScopeInfo::AllocatedSize, from the torque definition of each version (src/objects/scope-info.tq).
 * n: context locals. The names are inline up to 75 of them, else one hash table. */
static uint64_t scope_info_size(const struct v8_layout *l, const uint8_t *o, uint64_t avail) {
    int flavour = l->facts.scope_info_flavour;
    if (avail < (flavour >= 136 ? 0x30 : 0x20)) /* the smallest there are */
        return 0;
    uint32_t flags = u32_at(o, flavour >= 136 ? 8 : 12);
    int64_t n = smi_at(o, 0x18);
    if (n < 0 || n > (1 << 24))
        return 0;
    uint64_t names = flavour == 94 || n < 75 ? 8 * (uint64_t)n : 8;
    unsigned type = flags & 15;
#define BIT(i) (((flags >> (i)) & 1) * 8)
    uint64_t tail = BIT(10) + (flags & 0x3000 ? 16 : 0) + BIT(14);
    if (flavour >= 136) {
        bool module = type == 5;
        uint64_t s = 0x30 + (flavour >= 146 && type == 4 ? 8 : 0) + names + 8 * (uint64_t)n + tail +
                     BIT(22) + BIT(4);
        if (!module)
            return s;
        return avail < 0x38 ? 0 : s + 16 + 24 * (uint64_t)smi_at(o, 0x30);
    }
    bool module = type == 3;
    bool positions = (type >= 1 && type <= 4);
    if (flavour >= 102)
        positions = positions || (flavour >= 113 && type == 8) || (type == 0 && !(flags >> 29 & 1));
    uint64_t s = 0x20 + names + 8 * (uint64_t)n + tail + (positions ? 16 : 0) + BIT(22) + BIT(28);
    if (flavour == 94) {
        unsigned receiver = flags >> 7 & 3;
        s += receiver == 1 || receiver == 2 ? 8 : 0;
    }
#undef BIT
    if (!module)
        return s;
    if (flavour == 124) /* the count stands in front and shifts everything by one word */
        return avail < 0x28 ? 0 : s + 16 + 24 * (uint64_t)smi_at(o, 0x20);
    s += 8; /* module info; the count of module variables follows it */
    if (avail < s + 8)
        return 0;
    return s + 8 + 24 * (uint64_t)smi_at(o, s);
}

/* InstructionStream of version 11: the sizes stand in the Code object it points to. */
static uint64_t stream_size_by_code(const struct v8_facts *f, const struct image *img,
                                    const uint8_t *o) {
    int32_t body, metadata;
    uint64_t code = u64_at(o, 8) - 1;
    if (image_read(img, code + (uint64_t)f->code_body_offset, &body, 4) < 0 ||
        image_read(img, code + (uint64_t)f->code_metadata_offset, &metadata, 4) < 0 || body < 0 ||
        metadata < 0)
        return 0;
    return round_up((uint64_t)f->instruction_stream_header + (uint64_t)body + (uint64_t)metadata,
                    (uint64_t)f->code_alignment);
}

static uint64_t code_size(const struct v8_facts *f, const uint8_t *o, uint64_t avail) {
    if (f->code_header < 0 || avail < (uint64_t)f->code_body_offset + 8)
        return 0;
    int64_t body = (int32_t)u32_at(o, (size_t)f->code_body_offset);
    if (f->code_metadata_offset >= 0)
        body += (int32_t)u32_at(o, (size_t)f->code_metadata_offset);
    return body < 0
               ? 0
               : round_up((uint64_t)f->code_header + (uint64_t)body, (uint64_t)f->code_alignment);
}

static uint64_t stream_size(const struct v8_layout *l, const struct image *img, const uint8_t *o,
                            uint64_t avail) {
    const struct v8_facts *f = &l->facts;
    if (f->instruction_stream_header < 0)
        return 0;
    if (f->instruction_stream_size_offset < 0)
        return stream_size_by_code(f, img, o);
    if (avail < (uint64_t)f->instruction_stream_size_offset + 4)
        return 0;
    int32_t body = (int32_t)u32_at(o, (size_t)f->instruction_stream_size_offset);
    return body < 0 ? 0
                    : round_up((uint64_t)f->instruction_stream_header + (uint64_t)body,
                               (uint64_t)f->code_alignment);
}

static uint64_t metadata_size(const struct v8_facts *f, const uint8_t *o) {
    int32_t slots = (int32_t)u32_at(o, 8);
    if (slots < 0)
        return 0;
    uint64_t words = slots ? ((uint64_t)slots - 1) / 6 + 1 : 0;
    uint64_t extra = f->feedback_metadata_slots_offset >= 0
                         ? 2ull * u32_at(o, (size_t)f->feedback_metadata_slots_offset)
                         : 0;
    return round_up(16 + 4 * words + extra, 8);
}

/* SmallOrdered tables: `entry` words per entry; capacity is twice the buckets. */
static uint64_t small_ordered_size(const uint8_t *o, size_t buckets_offset, uint64_t header,
                                   uint64_t entry) {
    uint64_t buckets = o[buckets_offset];
    return round_up(header + 8 * entry * 2 * buckets + 3 * buckets, 8);
}

static uint64_t wasm_size(const struct v8_facts *f, const struct v8_map_info *m, const uint8_t *o,
                          uint64_t avail) {
    switch (m->rule) {
    case SIZE_WASM_ARRAY:
        return avail < 24 ? 0 : m->header + round_up((uint64_t)m->wasm_bytes * u32_at(o, 16), 8);
    case SIZE_WASM_STRUCT:
        return (uint64_t)m->wasm_bytes * (uint64_t)f->wasm_struct_unit;
    case SIZE_WASM_TABLE:
        return m->header + (uint64_t)f->wasm_dispatch_table_entry * u32_at(o, 12);
    case SIZE_WASM_IMPORTS:
        return m->header + (uint64_t)f->wasm_dispatch_table_entry * u32_at(o, 8);
    default: /* SIZE_WASM_TYPE_INFO: the count stands at the end of the header */
        return avail < m->header ? 0 : m->header + 8 * (uint64_t)u32_at(o, m->header - 4u);
    }
}

uint64_t v8_object_size(const struct v8_layout *l, const struct image *img,
                        const struct v8_map_info *m, const uint8_t *o, uint64_t avail) {
    if (m->fixed_size)
        return m->fixed_size;
    if (m->rule == SIZE_CONSTANT)
        return m->header;
    if (m->rule == SIZE_HOLE)
        return (uint64_t)l->facts.hole_size;
    if (avail < 16)
        return 0;
    int64_t n = smi_at(o, 8);
    uint64_t len = n < 0 ? 0 : (uint64_t)n;
    if (n < 0 && (m->rule == SIZE_ARRAY || m->rule == SIZE_FREE_SPACE || m->rule == SIZE_BYTES))
        return 0;
    const struct v8_facts *f = &l->facts;
    switch ((enum v8_size_rule)m->rule) {
    case SIZE_ARRAY:
        return m->header + 8 * len;
    case SIZE_FREE_SPACE:
        return f->free_space_words ? 8 * len : len;
    case SIZE_BYTES:
        return round_up(m->header + len, 8);
    case SIZE_ONE_BYTE:
        return round_up(16 + (uint64_t)u32_at(o, 12), 8);
    case SIZE_TWO_BYTE:
        return round_up(16 + 2 * (uint64_t)u32_at(o, 12), 8);
    case SIZE_VECTOR:
        if (avail < (uint64_t)f->feedback_vector_length_offset + 4)
            return 0;
        return m->header + 8 * (uint64_t)u32_at(o, (size_t)f->feedback_vector_length_offset);
    case SIZE_METADATA:
        return metadata_size(f, o);
    case SIZE_BIGINT:
        return 16 + 8 * (uint64_t)(u32_at(o, 8) >> 1 & 0x3fffffff);
    case SIZE_PREPARSE:
        return round_up(16 + (uint64_t)u32_at(o, 8), 8) + 8 * (uint64_t)u32_at(o, 12);
    case SIZE_PROPERTIES:
        return 16 + 8 * (len & 0x3ff);
    case SIZE_DESCRIPTORS:
        return m->header + 24 * (uint64_t)(u32_at(o, 8) & 0x7fff);
    case SIZE_SCOPE_INFO:
        return scope_info_size(l, o, avail);
    case SIZE_CODE:
        return code_size(f, o, avail);
    case SIZE_STREAM:
        return stream_size(l, img, o, avail);
    case SIZE_SMALL_MAP:
        return small_ordered_size(o, 10, 16, 2);
    case SIZE_SMALL_SET:
        return small_ordered_size(o, 10, 16, 1);
    case SIZE_SMALL_NAMES:
        return avail < 24 ? 0 : small_ordered_size(o, 18, 24, 3);
    case SIZE_SWISS:
        return 0x28 + 18 * (uint64_t)u32_at(o, 12);
    case SIZE_PAIRS:
        return 16 + 16 * (uint64_t)u32_at(o, 8);
    case SIZE_WASM_ARRAY:
    case SIZE_WASM_STRUCT:
    case SIZE_WASM_TABLE:
    case SIZE_WASM_IMPORTS:
    case SIZE_WASM_TYPE_INFO:
        return wasm_size(f, m, o, avail);
    case SIZE_CONSTANT:
    case SIZE_HOLE:
    case SIZE_NONE:
        return 0;
    }
    return 0;
}
