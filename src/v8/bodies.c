#include "v8/bodies.h"

/* Objects with a body that is no run of tagged words, by the root map that has their type. A body
 * of raw data that is not named here (preparse data, wasm arrays, embedder fields) is looked at
 * word by word all the same: only what points at the very start of an object counts. Sources: the
 * BodyDescriptors, src/objects/objects-body-descriptors-inl.h; holds for 9.4 to 14.6. */
static const struct {
    const char *root;
    enum v8_body body;
} by_root[] = {
    {"free_space_map", BODY_NONE},           {"byte_array_map", BODY_NONE},
    {"trusted_byte_array_map", BODY_NONE},   {"fixed_double_array_map", BODY_NONE},
    {"feedback_metadata_map", BODY_NONE},    {"bigint_map", BODY_NONE},
    {"heap_number_map", BODY_NONE},          {"hole_map", BODY_NONE},
    {"coverage_info_map", BODY_NONE},        {"bytecode_array_map", BODY_HEADER},
    {"instruction_stream_map", BODY_BYTES},  {"ephemeron_hash_table_map", BODY_EPHEMERONS},
    {"weak_cell_map", BODY_WEAK_CELL},       {"allocation_site_map", BODY_SITE},
    {"weak_array_list_map", BODY_WEAK_LIST}, {"code_data_container_map", BODY_CODE_DATA},
};

void v8_bodies_setup(struct v8_layout *l, const struct v8_map_info *maps) {
    for (size_t i = 0; i < sizeof by_root / sizeof *by_root; i++) {
        int root = v8_layout_root(l, by_root[i].root);
        if (root >= 0 && maps[root].map)
            l->body[maps[root].type] = (uint8_t)by_root[i].body;
        if (root >= 0 && by_root[i].body == BODY_SITE)
            l->allocation_site_bytes = maps[root].fixed_size;
    }
    /* Up to version 10 a Code object has its instructions in it. */
    int code = v8_layout_root(l, "code_map");
    if (code >= 0 && l->facts.code_header >= 0)
        l->body[maps[code].type] = BODY_BYTES;
    for (unsigned t = 0; t < l->first_nonstring_type; t++)
        if ((t & l->string_representation_mask) == 0) /* kSeqStringTag is 0 */
            l->body[t] = BODY_NONE;
    if (l->weak_ref_type)
        l->body[l->weak_ref_type] = BODY_WEAK_REF;
    if (l->facts.function_dispatch_handle >= 0) {
        for (unsigned t = l->first_function_type; t && t <= l->last_function_type; t++)
            l->body[t] = BODY_FUNCTION;
        if (l->feedback_cell_type)
            l->body[l->feedback_cell_type] = BODY_FEEDBACK_CELL;
    }
    l->body[l->native_context_type] = BODY_NATIVE_CONTEXT;
}
