/* The layout of the V8 in one target: facts, where each came from, and what was read off the target
 * itself: root values, instance types, space vtables. Taken once, before anything is stopped; valid
 * for every isolate of the process, because V8 numbers its instance types at build time. (Addresses
 * of read-only maps are not: up to version 9 every isolate has its own.)
 *
 * Nothing is believed before the checks explain the target: see v8_layout_open. */
#ifndef MEMWHY_V8_LAYOUT_H
#define MEMWHY_V8_LAYOUT_H

#include "base/err.h"
#include "image/elf_file.h"
#include "image/image.h"
#include "model/v8_census.h"
#include "v8/facts.h"
#include <stdbool.h>

/* How the size of an object is found when its map does not hold it. */
enum v8_size_rule {
    SIZE_NONE,       /* unknown instance type */
    SIZE_ARRAY,      /* header + 8 * smi at 8 */
    SIZE_FREE_SPACE, /* smi at 8, bytes or words */
    SIZE_BYTES,      /* header + smi at 8, rounded up */
    SIZE_ONE_BYTE,   /* sequential string: 16 + u32 at 12 */
    SIZE_TWO_BYTE,   /* 16 + 2 * u32 at 12 */
    SIZE_VECTOR,     /* feedback vector: header + 8 * i32 */
    SIZE_METADATA,   /* feedback metadata */
    SIZE_BIGINT,
    SIZE_PREPARSE,
    SIZE_PROPERTIES,  /* property array: length in the low 10 bits */
    SIZE_DESCRIPTORS, /* header + 24 * i16 at 8 */
    SIZE_SCOPE_INFO,
    SIZE_CODE,      /* Code with its instructions behind it */
    SIZE_STREAM,    /* InstructionStream */
    SIZE_SMALL_MAP, /* SmallOrdered* tables */
    SIZE_SMALL_SET,
    SIZE_SMALL_NAMES,
    SIZE_SWISS,    /* SwissNameDictionary */
    SIZE_PAIRS,    /* 16 + 16 * i32 at 8 (DoubleStringCache, CoverageInfo) */
    SIZE_CONSTANT, /* always the header's size */
    SIZE_HOLE,     /* facts.hole_size */
    SIZE_WASM_ARRAY,
    SIZE_WASM_STRUCT,
    SIZE_WASM_TABLE,     /* dispatch table: header + entry * i32 at 12 */
    SIZE_WASM_IMPORTS,   /* dispatch table of imports: header + entry * i32 at 8 */
    SIZE_WASM_TYPE_INFO, /* header + 8 * i32 in the last half word of it */
};

struct v8_vtable {
    uint64_t addr; /* what a space's first word holds */
    enum v8_space space;
};

struct v8_layout {
    int version[4];
    char v8_version[32], node_version[24];
    const char *table;     /* "13.6, measured on Node 24.21.0 ..." */
    bool exact;            /* the table is of this very major.minor */
    bool explained;        /* all checks passed; else only pages can be found with these facts */
    const char *passed[8]; /* the checks that did, in order, as sentences without a full stop */
    size_t n_passed;
    const char *failed; /* why the next did not; NULL when explained */
    struct v8_facts facts;
    const char *source[V8_FACT_COUNT]; /* "table 13.6", "symbol v8dbg_...", "code of SetGCState" */
    struct elf_file *elf;              /* borrowed from the image */
    uint64_t bias;

    struct v8_vtable vtables[24];
    size_t n_vtables;

    char **root_names; /* [n_roots], without trailing duplicates */
    size_t n_roots;
    int meta_map_index, undefined_index;
    uint64_t main_roots; /* a roots table that passed the checks */

    /* Instance types. */
    uint16_t map_type, array_buffer_type, wasm_memory_type, native_context_type;
    uint16_t wasm_struct_type, wasm_array_type;
    uint16_t first_context_type, last_context_type;
    uint16_t first_nonstring_type, string_representation_mask, external_string_tag;
    uint16_t string_encoding_mask, one_byte_tag;
    uint64_t free_space_map;
    uint16_t free_space_type, filler_type;
    uint16_t first_function_type, last_function_type, feedback_cell_type; /* 0: unknown */
    uint16_t weak_ref_type;         /* 0: this version has none */
    uint32_t allocation_site_bytes; /* of one that is in the list of all sites */
    uint8_t body[65536];            /* enum v8_body by instance type */
    uint8_t rule[65536];            /* enum v8_size_rule by instance type */
    uint8_t header[65536]; /* its header, in words of 8 bytes unless the rule says otherwise */
};

/* Is there a V8 in this target at all? 0 with the module that holds it, or -ENODATA. */
int v8_layout_find(struct image *img, size_t *ret_module);

/* Work out the layout. -ENODATA: no V8. -ENOTSUP: a V8 whose layout is not known or that did not
 * explain itself; `e` says which check failed, and *ret is a layout all the same (versions, and
 * facts that may be enough to find pages), with `explained` false. */
int v8_layout_open(struct image *img, struct v8_layout **ret, struct err *e);
void v8_layout_free(struct v8_layout *l);

/* Root index by name ("free_space_map"), or -1. */
int v8_layout_root(const struct v8_layout *l, const char *name);
/* The map that is a root. -ENODATA: there is no such root, or it is no map. */
struct v8_map_info;
int v8_layout_root_map(const struct image *img, const struct v8_layout *l, const char *name,
                       struct v8_map_info *ret);
/* Where the process keeps the text of Node's version; -ENODATA. */
int v8_layout_node_version_at(const struct image *img, const struct v8_layout *l,
                              uint64_t *ret_pointer, uint64_t *ret_chars);
/* A constant that V8 exports for debuggers as v8dbg_NAME (tools/gen-postmortem-metadata.py), or
 * `otherwise`. */
int32_t v8_layout_constant(const struct image *img, const struct v8_layout *l, const char *name,
                           int32_t otherwise);
/* The space a vtable belongs to, or -1. */
int v8_layout_space(const struct v8_layout *l, uint64_t vtable);

#endif
