#include "collect/chunk_names.h"

#include "base/bytes.h"
#include "base/demangle.h"
#include "base/limits.h"
#include "base/map64.h"
#include "base/mem.h"
#include "base/vec.h"
#include "collect/chunk_content.h"
#include "image/elf_file.h"
#include <string.h>

struct chunk_names {
    struct image *img;
    const struct v8_census *v8;
    struct map64 classes; /* by address of the table: 1 + index of names; 1: none */
    VEC(char *) names;
};

struct chunk_names *chunk_names_new(struct image *img, const struct v8_census *v8) {
    struct chunk_names *n = mem_zalloc(sizeof *n);
    n->img = img;
    n->v8 = v8;
    vec_push(&n->names, NULL);
    return n;
}

void chunk_names_free(struct chunk_names *n) {
    if (!n)
        return;
    for (size_t i = 0; i < n->names.n; i++)
        free(n->names.at[i]);
    vec_free(&n->names);
    map64_done(&n->classes);
    free(n);
}

/* ---- classes ---- */

/* Tables of virtual functions stand where nothing is written, in a file's mapping. */
static bool may_be_table(const struct image *img, uint64_t addr) {
    const struct region *r = region_find(image_regions(img), addr);
    return r && !(addr & 7) && r->kind == REGION_FILE && !(r->prot & (REGION_W | REGION_X));
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
    }
    map64_put(&n->classes, table, at);
    return name;
}

/* ---- contents ---- */

enum { LOOK_BYTES = 16 << 10 }; /* of large chunks only the beginning is looked at */

const char *chunk_name(struct chunk_names *n, uint64_t addr, uint64_t end) {
    uint8_t bytes[LOOK_BYTES];
    size_t want = end - addr < sizeof bytes ? (size_t)(end - addr) : sizeof bytes;
    size_t have = image_read_prefix(n->img, addr, bytes, want);
    if (have < 8)
        return NULL;
    const char *name = class_of(n, u64_at(bytes, 0));
    return name ? name : chunk_content(n->v8, bytes, have);
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
