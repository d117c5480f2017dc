#include "native/chunk_names.h"

#include "base/bytes.h"
#include "base/demangle.h"
#include "base/limits.h"
#include "base/map64.h"
#include "base/mem.h"
#include "base/search.h"
#include "base/vec.h"
#include "image/elf_file.h"
#include "native/chunk_content.h"
#include "native/structures.h"
#include <string.h>

struct chunk_names {
    struct image *img;
    const struct v8_census *v8;
    struct map64 classes; /* by address of the table: 1 + index of names; 1: none */
    VEC(char *) names;
    struct map64 owned;            /* where a name stands: its index */
    struct structures *structures; /* NULL: not looked for */
    struct map64 wholes;           /* names of theirs that are no part's */
};

static const char isolate_name[] = "v8::Isolate";

struct chunk_names *chunk_names_new(struct image *img, const struct v8_census *v8) {
    struct chunk_names *n = mem_zalloc(sizeof *n);
    n->img = img;
    n->v8 = v8;
    vec_push(&n->names, NULL);
    return n;
}

void chunk_names_find_structures(struct chunk_names *n, const struct chunk_map *map) {
    if (!n->structures)
        n->structures = structures_find(n->img, map, n->v8);
}

void chunk_names_free(struct chunk_names *n) {
    if (!n)
        return;
    for (size_t i = 0; i < n->names.n; i++)
        free(n->names.at[i]);
    vec_free(&n->names);
    map64_done(&n->classes);
    map64_done(&n->owned);
    structures_free(n->structures);
    map64_done(&n->wholes);
    free(n);
}

/* ---- classes ---- */

/* Tables of virtual functions stand where nothing is written, in a file's mapping; beside the code,
 * as older linkers put them (Node 18 and before). */
static bool may_be_table(const struct image *img, uint64_t addr) {
    const struct region *r = region_find(image_regions(img), addr);
    return r && !(addr & 7) && r->kind == REGION_FILE && !(r->prot & REGION_W);
}

static char *class_by_symbol(struct image *img, size_t module, uint64_t addr) {
    static const char prefix[] = "_ZTV", what[] = "vtable for ";
    const struct image_module *m = &image_modules(img, &(size_t){0})[module];
    struct elf_file *elf;
    struct elf_symbol s;
    if (image_module_elf(img, module, &elf, NULL) < 0 ||
        elf_file_symbol_at(elf, addr - m->bias, &s) < 0 ||
        strncmp(s.name, prefix, sizeof prefix - 1) != 0)
        return NULL;
    cleanup_free char *name = demangle(s.name);
    return mem_strdup(strncmp(name, what, sizeof what - 1) ? name : name + sizeof what - 1);
}

/* Itanium C++ ABI 2.9.5: the word before the first function is the class's type_info, whose second
 * is its name. Node itself is built without (-fno-rtti), addons mostly with. */
static char *class_by_type_info(struct image *img, uint64_t addr) {
    char mangled[LIMIT_V8_NAME] = "_ZTS";
    uint64_t info, name;
    if (image_read_u64(img, addr - 8, &info) < 0 || !may_be_table(img, info) ||
        image_read_u64(img, info + 8, &name) < 0 ||
        image_read_string(img, name, mangled + 4, sizeof mangled - 4) < 0)
        return NULL;
    static const char what[] = "typeinfo name for ";
    cleanup_free char *demangled = demangle(mangled);
    if (strncmp(demangled, what, sizeof what - 1) != 0)
        return NULL;
    return mem_strdup(demangled + sizeof what - 1);
}

static char *find_class(struct image *img, uint64_t table) {
    size_t n;
    const struct image_module *m = image_modules(img, &n);
    if (!may_be_table(img, table))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (table >= m[i].start && table < m[i].end) {
            char *name = class_by_symbol(img, i, table);
            if (name)
                return name;
        }
    return class_by_type_info(img, table);
}

/* Contents have names that are not in n->names. */
bool chunk_name_is_class(const struct chunk_names *n, const char *name) {
    uint64_t at;
    return name && (name == isolate_name || map64_get(&n->wholes, (uint64_t)(uintptr_t)name, &at) ||
                    (map64_get(&n->owned, (uint64_t)(uintptr_t)name, &at) && n->names.at[at]));
}

static const char *class_of(struct chunk_names *n, uint64_t table) {
    uint64_t at;
    if (!table || table >= LIMIT_USER_ADDR || (table & 7))
        return NULL;
    if (map64_get(&n->classes, table, &at))
        return n->names.at[at];
    char *name = find_class(n->img, table);
    at = 0;
    if (name) {
        at = n->names.n;
        vec_push(&n->names, name);
        map64_put(&n->owned, (uint64_t)(uintptr_t)name, at);
    }
    map64_put(&n->classes, table, at);
    return name;
}

/* ---- structures ---- */

static const char *structure_of(struct chunk_names *n, uint64_t addr) {
    bool whole;
    const char *name = n->structures ? structures_name(n->structures, addr, &whole) : NULL;
    if (name && whole)
        map64_put(&n->wholes, (uint64_t)(uintptr_t)name, 1);
    return name;
}

/* ---- contents ---- */

/* What V8 knows to hold: stores of ArrayBuffers and strings; isolates. */
static const char *known_to_v8(const struct v8_census *v8, uint64_t addr, uint64_t end) {
    static const char *const kinds[] = {
        [V8_STORE_BUFFER] = "ArrayBuffer",
        [V8_STORE_SHARED] = "SharedArrayBuffer",
        [V8_STORE_WASM] = "memory of WebAssembly",
        [V8_STORE_STRING] = "external string",
    };
    size_t i = first_where(v8->stores.n, k, v8->stores.at[k].addr >= addr);
    if (i < v8->stores.n && v8->stores.at[i].addr < end)
        return kinds[v8->stores.at[i].kind];
    for (i = 0; i < v8->isolates.n; i++)
        if (v8->isolates.at[i].isolate >= addr && v8->isolates.at[i].isolate < end)
            return isolate_name;
    return NULL;
}

const char *chunk_name_of_bytes(struct chunk_names *n, uint64_t addr, uint64_t end,
                                const uint8_t *bytes, size_t have) {
    const char *name = n->v8 ? known_to_v8(n->v8, addr, end) : NULL;
    if (!name && have >= 8)
        name = class_of(n, u64_at(bytes, 0));
    if (!name)
        name = structure_of(n, addr);
    return name || have < 8 ? name : chunk_content(n->v8, bytes, have);
}

const char *chunk_name(struct chunk_names *n, uint64_t addr, uint64_t end) {
    uint8_t bytes[CHUNK_LOOK_BYTES];
    size_t want = end - addr < sizeof bytes ? (size_t)(end - addr) : sizeof bytes;
    return chunk_name_of_bytes(n, addr, end, bytes, image_read_prefix(n->img, addr, bytes, want));
}

char *chunk_text(const struct image *img, uint64_t addr, uint64_t end) {
    enum { SHOWN = 40 };
    char bytes[SHOWN + 1];
    size_t want = end - addr < SHOWN ? (size_t)(end - addr) : SHOWN;
    size_t have = image_read_prefix(img, addr, bytes, want);
    size_t n = chunk_content_text((uint8_t *)bytes, have);
    if (n < CHUNK_TEXT_LEAST)
        return NULL;
    bytes[n] = 0;
    return mem_strdup(bytes);
}
