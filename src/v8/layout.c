#include "v8/layout.h"

#include "base/limits.h"
#include "v8/bodies.h"
#include "v8/calibrate.h"
#include "v8/isolates.h"
#include "v8/limits.h"
#include "v8/pages.h"
#include "v8/sizes.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VERSION_SYMBOL "_ZN2v88internal7Version6major_E"

int v8_layout_find(struct image *img, size_t *ret_module) {
    size_t n;
    const struct image_module *m = image_modules(img, &n);
    for (size_t i = 0; i < n; i++) {
        struct elf_file *elf;
        struct elf_symbol sym;
        /* V8 is in the binary itself or, in distributions' builds, in libnode. */
        if (!m[i].is_exe && !strstr(m[i].path, "/libnode"))
            continue;
        if (image_module_elf(img, i, &elf, NULL) == 0 &&
            elf_file_symbol(elf, VERSION_SYMBOL, &sym) == 0) {
            *ret_module = i;
            return 0;
        }
    }
    return -ENODATA;
}

/* Data behind a symbol, from the process: right for position-independent builds too. */
static int read_symbol(const struct image *img, const struct v8_layout *l, const char *name,
                       void *buf, size_t len) {
    struct elf_symbol sym;
    if (!l->elf || elf_file_symbol(l->elf, name, &sym) < 0)
        return -ENODATA;
    return image_read(img, sym.value + l->bias, buf, len);
}

int32_t v8_layout_constant(const struct image *img, const struct v8_layout *l, const char *name,
                           int32_t otherwise) {
    char symbol[128];
    int32_t v;
    snprintf(symbol, sizeof symbol, "v8dbg_%s", name);
    return read_symbol(img, l, symbol, &v, sizeof v) == 0 ? v : otherwise;
}

/* node::per_process::metadata starts with the std::string of Node's version, in both C++ ABIs of
 * libstdc++ (builds before 18 use the old one); both begin with a pointer to the characters. */
int v8_layout_node_version_at(const struct image *img, const struct v8_layout *l,
                              uint64_t *ret_pointer, uint64_t *ret_chars) {
    struct elf_symbol sym;
    uint64_t chars;
    if (elf_file_symbol(l->elf, "_ZN4node11per_process8metadataE", &sym) < 0 ||
        image_read_u64(img, sym.value + l->bias, &chars) < 0)
        return -ENODATA;
    *ret_pointer = sym.value + l->bias;
    *ret_chars = chars;
    return 0;
}

static void read_node_version(const struct image *img, struct v8_layout *l) {
    uint64_t at, chars;
    char s[sizeof l->node_version] = "";
    if (v8_layout_node_version_at(img, l, &at, &chars) == 0 &&
        image_read_string(img, chars, s, sizeof s) == 0 && s[0] >= '0' && s[0] <= '9')
        snprintf(l->node_version, sizeof l->node_version, "%s", s);
}

static int read_version(const struct image *img, struct v8_layout *l) {
    static const char *const symbols[4] = {
        VERSION_SYMBOL,
        "_ZN2v88internal7Version6minor_E",
        "_ZN2v88internal7Version6build_E",
        "_ZN2v88internal7Version6patch_E",
    };
    for (int i = 0; i < 4; i++) {
        int32_t v;
        if (read_symbol(img, l, symbols[i], &v, sizeof v) < 0)
            return -ENODATA;
        l->version[i] = v;
    }
    snprintf(l->v8_version, sizeof l->v8_version, "%d.%d.%d.%d", l->version[0], l->version[1],
             l->version[2], l->version[3]);
    read_node_version(img, l);
    return 0;
}

static void choose_table(struct v8_layout *l) {
    const struct v8_line *line = v8_line_exact(l->version[0], l->version[1]);
    l->exact = line != NULL;
    if (!line)
        line = v8_line_nearest(l->version[0], l->version[1]);
    l->facts = line->facts;
    l->table = line->measured_on;
    for (int i = 0; i < V8_FACT_COUNT; i++)
        l->source[i] = line->measured_on;
}

static void set_fact(struct v8_layout *l, enum v8_fact_id id, int32_t value, const char *source) {
    v8_fact_set(&l->facts, id, value);
    l->source[id] = source;
}

/* Heap::SetGCState is `mov %esi, offset(%rdi)`: bytes 89 B7 disp32. */
static void gc_state_from_code(struct v8_layout *l) {
    struct elf_symbol sym;
    uint8_t code[24];
    if (elf_file_symbol_prefix(l->elf, "_ZN2v88internal4Heap10SetGCStateE", &sym) < 0 ||
        elf_file_read(l->elf, sym.value, code, sizeof code) < 0)
        return;
    for (size_t i = 0; i + 6 <= sizeof code; i++)
        if (code[i] == 0x89 && code[i + 1] == 0xb7) {
            int32_t v;
            memcpy(&v, code + i + 2, 4);
            if (v > 0 && v < 1 << 16)
                set_fact(l, FACT_gc_state_offset, v, "code of Heap::SetGCState");
            break;
        }
}

/* v8::Isolate::GetHeapStatistics begins with `lea offset(%rdi), heap`: REX 8D, disp32. Members of
 * the isolate before its heap come and go within a line: 13.6 has it at 0xeff0 and at 0xeff8. */
static void heap_from_code(struct v8_layout *l) {
    static const char name[] = "_ZN2v87Isolate17GetHeapStatisticsEPNS_14HeapStatisticsE";
    struct elf_symbol sym;
    uint8_t code[64];
    if (elf_file_symbol(l->elf, name, &sym) < 0 || sym.size < sizeof code ||
        elf_file_read(l->elf, sym.value, code, sizeof code) < 0)
        return;
    for (size_t i = 0; i + 7 <= sizeof code; i++)
        if ((code[i] & 0xfb) == 0x48 && code[i + 1] == 0x8d && (code[i + 2] & 0xc7) == 0x87) {
            int32_t v;
            memcpy(&v, code + i + 3, 4);
            if (v > 0x1000 && v < 1 << 17 && v % 8 == 0)
                set_fact(l, FACT_heap_from_isolate, v, "code of Isolate::GetHeapStatistics");
            break;
        }
}

static void limits_from_code(struct v8_layout *l) {
    struct v8_limit_offsets at;
    static const char source[] = "code of Heap::MaxReserved";
    if (v8_limits_from_code(l->elf, &at) == 0) {
        set_fact(l, FACT_max_semi_space_offset, at.semi, source);
        set_fact(l, FACT_max_old_space_offset, at.old, source);
        set_fact(l, FACT_heap_limits_offset, at.limits, source);
    } else if (!l->exact) { /* these fields move from version to version */
        set_fact(l, FACT_max_semi_space_offset, -1, "not found in the code");
    }
}

/* Facts the binary itself states, which win over the table. */
static void facts_from_binary(const struct image *img, struct v8_layout *l) {
    static const struct {
        enum v8_fact_id id;
        const char *constant;
    } stated[] = {
        {FACT_bytecode_header, "class_BytecodeArray__data__uintptr_t"},
        {FACT_descriptor_array_header, "class_DescriptorArray__header_size__uintptr_t"},
        {FACT_array_buffer_byte_length, "class_JSArrayBuffer__byte_length__size_t"},
        {FACT_array_buffer_store, "class_JSArrayBuffer__backing_store__uintptr_t"},
        {FACT_view_byte_length, "class_JSArrayBufferView__byte_length__size_t"},
        {FACT_typed_array_external, "class_JSTypedArray__external_pointer__uintptr_t"},
    };
    for (size_t i = 0; i < sizeof stated / sizeof *stated; i++) {
        int32_t v = v8_layout_constant(img, l, stated[i].constant, -1);
        if (v > 0 && v < 4096)
            set_fact(l, stated[i].id, v, "v8dbg constant in the binary");
    }
    gc_state_from_code(l);
    heap_from_code(l);
    limits_from_code(l);
}

static void load_types(const struct image *img, struct v8_layout *l) {
    l->map_type = (uint16_t)v8_layout_constant(img, l, "type_Map__MAP_TYPE", 0);
    l->array_buffer_type =
        (uint16_t)v8_layout_constant(img, l, "type_JSArrayBuffer__JS_ARRAY_BUFFER_TYPE", 0);
    l->wasm_memory_type =
        (uint16_t)v8_layout_constant(img, l, "type_WasmMemoryObject__WASM_MEMORY_OBJECT_TYPE", 0);
    l->wasm_struct_type =
        (uint16_t)v8_layout_constant(img, l, "type_WasmStruct__WASM_STRUCT_TYPE", 0);
    l->wasm_array_type = (uint16_t)v8_layout_constant(img, l, "type_WasmArray__WASM_ARRAY_TYPE", 0);
    l->first_function_type = (uint16_t)v8_layout_constant(img, l, "FirstJSFunctionType", 0);
    l->last_function_type = (uint16_t)v8_layout_constant(img, l, "LastJSFunctionType", 0);
    l->feedback_cell_type =
        (uint16_t)v8_layout_constant(img, l, "type_FeedbackCell__FEEDBACK_CELL_TYPE", 0);
    l->weak_ref_type = (uint16_t)v8_layout_constant(img, l, "type_JSWeakRef__JS_WEAK_REF_TYPE", 0);
    l->first_nonstring_type = (uint16_t)v8_layout_constant(img, l, "FirstNonstringType", 0x80);
    l->string_representation_mask =
        (uint16_t)v8_layout_constant(img, l, "StringRepresentationMask", 7);
    l->external_string_tag = (uint16_t)v8_layout_constant(img, l, "ExternalStringTag", 2);
    l->string_encoding_mask = (uint16_t)v8_layout_constant(img, l, "StringEncodingMask", 8);
    l->one_byte_tag = (uint16_t)v8_layout_constant(img, l, "OneByteStringTag", 8);
    /* Torque numbers the contexts in a fixed order, native_context the 8th, since 8.x; before, it
     * had a root map of its own (root 145's type in 7.8). */
    int first_context = v8_layout_constant(img, l, "FirstContextType", -1);
    l->native_context_type = (uint16_t)(first_context + 7);
    l->first_context_type = (uint16_t)first_context;
    l->last_context_type =
        (uint16_t)v8_layout_constant(img, l, "LastContextType", first_context + 10);
}

static void load_vtables(struct v8_layout *l) {
    static const struct {
        const char *name;
        enum v8_space space;
    } classes[] = {
        {"13ReadOnlySpaceE", V8_READ_ONLY},
        {"19SharedReadOnlySpaceE", V8_READ_ONLY},
        {"9SemiSpaceE", V8_NEW},
        {"21PagedSpaceForNewSpaceE", V8_NEW},
        {"8OldSpaceE", V8_OLD},
        {"11StickySpaceE", V8_OLD},
        {"9CodeSpaceE", V8_CODE},
        {"8MapSpaceE", V8_MAP},
        {"12TrustedSpaceE", V8_TRUSTED},
        {"11SharedSpaceE", V8_SHARED},
        {"18SharedTrustedSpaceE", V8_SHARED_TRUSTED},
        {"16LargeObjectSpaceE", V8_LARGE},
        {"19OldLargeObjectSpaceE", V8_LARGE},
        {"19NewLargeObjectSpaceE", V8_NEW_LARGE},
        {"20CodeLargeObjectSpaceE", V8_CODE_LARGE},
        {"23TrustedLargeObjectSpaceE", V8_TRUSTED_LARGE},
        {"22SharedLargeObjectSpaceE", V8_SHARED_LARGE},
        {"29SharedTrustedLargeObjectSpaceE", V8_SHARED_TRUSTED_LARGE},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        char name[96];
        struct elf_symbol sym;
        snprintf(name, sizeof name, "_ZTVN2v88internal%s", classes[i].name);
        if (elf_file_symbol(l->elf, name, &sym) == 0)
            l->vtables[l->n_vtables++] = (struct v8_vtable){
                sym.value + l->bias + 16, classes[i].space}; /* past offset-to-top and RTTI */
    }
}

static int load_root_names(const struct image *img, struct v8_layout *l) {
    struct elf_symbol sym;
    if (elf_file_symbol(l->elf, "_ZN2v88internal10RootsTable11root_names_E", &sym) < 0)
        return -ENODATA;
    size_t n = sym.size / 8;
    if (n < 100 || n > 8192)
        return -EBADMSG;
    cleanup_free uint64_t *names = mem_alloc(n * 8);
    if (image_read(img, sym.value + l->bias, names, n * 8) < 0)
        return -EFAULT;
    l->root_names = mem_zalloc(n * sizeof *l->root_names);
    for (l->n_roots = 0; l->n_roots < n; l->n_roots++) {
        char s[128];
        if (image_read_string(img, names[l->n_roots], s, sizeof s) < 0)
            return -EBADMSG;
        l->root_names[l->n_roots] = mem_strdup(s);
    }
    l->meta_map_index = v8_layout_root(l, "meta_map");
    l->undefined_index = v8_layout_root(l, "undefined_value");
    set_fact(l, FACT_roots_count, (int32_t)n, "RootsTable::root_names_ in the binary");
    return l->meta_map_index < 0 || l->undefined_index < 0 ? -EBADMSG : 0;
}

int v8_layout_root(const struct v8_layout *l, const char *name) {
    for (size_t i = 0; i < l->n_roots; i++)
        if (strcmp(l->root_names[i], name) == 0)
            return (int)i;
    return -1;
}

int v8_layout_root_map(const struct image *img, const struct v8_layout *l, const char *name,
                       struct v8_map_info *ret) {
    uint64_t map;
    struct v8_map_info m;
    int i = v8_layout_root(l, name);
    if (i < 0 || image_read_u64(img, l->main_roots + 8 * (uint64_t)i, &map) < 0 ||
        v8_map_read(img, l, map, &m) < 0)
        return -ENODATA;
    *ret = m;
    return 0;
}

int v8_layout_space(const struct v8_layout *l, uint64_t vtable) {
    for (size_t i = 0; i < l->n_vtables; i++)
        if (l->vtables[i].addr == vtable)
            return (int)l->vtables[i].space;
    return -1;
}

/* Any isolate's roots table will do: types and read-only maps are the same in all. */
static int find_some_roots(const struct image *img, struct v8_layout *l) {
    int r = -ENODATA;
    for (size_t limit = 64; r < 0 && limit <= 4096; limit *= 8) {
        struct v8_pages pages = {0};
        if (v8_pages_find(img, l, limit, &pages) < 0) {
            v8_pages_done(&pages);
            return -ENODATA;
        }
        uint64_t last = 0;
        for (size_t i = 0; i < pages.list.n && r < 0; i++) {
            uint64_t heap = pages.list.at[i].heap;
            if (!heap || heap == last)
                continue;
            last = heap;
            r = v8_roots_find(img, l, heap, &l->main_roots);
        }
        bool all = pages.list.n < limit;
        v8_pages_done(&pages);
        if (all)
            break;
    }
    return r;
}

static int load_root_maps(const struct image *img, struct v8_layout *l) {
    cleanup_free uint64_t *values = mem_alloc(l->n_roots * 8);
    cleanup_free struct v8_map_info *maps = mem_zalloc(l->n_roots * sizeof *maps);
    if (image_read(img, l->main_roots, values, l->n_roots * 8) < 0)
        return -EFAULT;
    struct v8_map_info meta;
    if (v8_map_read(img, l, values[l->meta_map_index], &meta) < 0)
        return -EFAULT;
    if (l->map_type && meta.type != l->map_type)
        return -EBADMSG;
    l->map_type = meta.type;
    for (size_t i = 0; i < l->n_roots; i++) {
        size_t len = strlen(l->root_names[i]);
        struct v8_map_info m;
        if (len > 4 && strcmp(l->root_names[i] + len - 4, "_map") == 0 &&
            v8_map_read(img, l, values[i], &m) == 0)
            maps[i] = m;
    }
    int native = v8_layout_root(l, "native_context_map");
    if (native >= 0 && maps[native].map && l->version[0] < 8)
        l->native_context_type = maps[native].type;
    v8_sizes_setup(l, maps);
    v8_bodies_setup(l, maps);
    int free_map = v8_layout_root(l, "free_space_map");
    int filler = v8_layout_root(l, "one_pointer_filler_map");
    if (free_map < 0 || filler < 0 || !maps[free_map].map || !maps[filler].map)
        return -EBADMSG;
    l->free_space_map = values[free_map];
    l->free_space_type = maps[free_map].type;
    l->filler_type = maps[filler].type;
    return 0;
}

/* The oddball `undefined` must spell its name. */
static int check_undefined(const struct image *img, struct v8_layout *l) {
    uint64_t oddball, string;
    char text[9];
    if (image_read_u64(img, l->main_roots + 8 * (uint64_t)l->undefined_index, &oddball) < 0 ||
        image_read_u64(img, oddball - 1 + 16, &string) < 0 ||
        image_read(img, string - 1 + 16, text, sizeof text) < 0)
        return -EFAULT;
    return memcmp(text, "undefined", 9) == 0 ? 0 : -EBADMSG;
}

/* What no table is sure of is asked of the target itself. */
static void calibrate(const struct image *img, struct v8_layout *l) {
    struct v8_pages pages = {0};
    int32_t v;
    if (v8_pages_find(img, l, 0, &pages) == 0) {
        if (l->version[0] >= 13 && v8_calibrate_free_space(img, l, &pages, &v) == 0)
            set_fact(l, FACT_free_space_words, v, "free blocks in the target");
        if (!l->exact && v8_calibrate_next_word(img, &pages, &v) == 0)
            set_fact(l, FACT_page_next_word, v, "links between pages in the target");
    }
    v8_pages_done(&pages);
}

static int load_from_binary(const struct image *img, struct v8_layout *l) {
    choose_table(l);
    facts_from_binary(img, l);
    load_types(img, l);
    load_vtables(l);
    return load_root_names(img, l);
}

static int check_vtables(const struct image *img, struct v8_layout *l) {
    (void)img;
    return l->n_vtables < 4 ? -EBADMSG : 0;
}

/* In this order: each stands on those before it. */
static const struct check {
    int (*run)(const struct image *img, struct v8_layout *l);
    const char *passed, *failed;
} checks[] = {
    {read_version, "the binary states its version", "the binary does not state its version"},
    {load_from_binary, "the binary names the entries of the roots table",
     "the binary has no names for the roots table"},
    {check_vtables, "the heap's spaces have symbols",
     "the binary has no symbols for the heap's spaces"},
    {find_some_roots, "a heap page leads to an isolate whose roots table is valid",
     "no heap page was found whose isolate has a valid roots table"},
    {load_root_maps, "the meta map is its own map", "the meta map is not its own map"},
    {check_undefined, "the root `undefined` spells its name",
     "the root `undefined` does not spell its name"},
};

static int explain_unknown(const struct v8_layout *l, struct err *e) {
    return err_set(e, -ENOTSUP,
                   l->elf && elf_file_is_stripped(l->elf)
                       ? "The binary is stripped; install its debug symbols or run the official "
                         "build of the same version to see inside the heap."
                       : "Report this V8 version; what the kernel and malloc say still holds.",
                   "V8 %s%s%s is in this process, but its layout is not known: %s",
                   l->v8_version[0] ? l->v8_version : "of unknown version",
                   l->node_version[0] ? " of Node " : "", l->node_version, l->failed);
}

static int open_checked(struct image *img, struct v8_layout *l, struct err *e) {
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (checks[i].run(img, l) < 0) {
            l->failed = checks[i].failed;
            return explain_unknown(l, e);
        }
        l->passed[l->n_passed++] = checks[i].passed;
    }
    if (!l->exact || l->version[0] >= 13)
        calibrate(img, l);
    return 0;
}

int v8_layout_open(struct image *img, struct v8_layout **ret, struct err *e) {
    size_t module, n;
    if (v8_layout_find(img, &module) < 0)
        return err_set(e, -ENODATA, "memwhy accounts for its memory without V8.",
                       "there is no V8 in this process");
    struct v8_layout *l = mem_zalloc(sizeof *l);
    image_module_elf(img, module, &l->elf, NULL);
    l->bias = image_modules(img, &n)[module].bias;
    int r = open_checked(img, l, e);
    l->explained = r == 0;
    *ret = l; /* also when the layout is not known: versions are */
    return r;
}

void v8_layout_free(struct v8_layout *l) {
    if (!l)
        return;
    for (size_t i = 0; i < l->n_roots; i++)
        free(l->root_names[i]);
    free(l->root_names);
    free(l);
}
