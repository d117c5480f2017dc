#include "native/root_names.h"

#include "base/demangle.h"
#include "base/map64.h"
#include "base/mem.h"
#include "base/vec.h"
#include "image/elf_file.h"
#include "native/graph.h"
#include <string.h>

struct root_names {
    struct image *img;
    const struct v8_census *v8;
    struct map64 symbols; /* by address of the variable: index of names */
    VEC(char *) names;
    VEC(char *) modules; /* "data of libc.so.6", by module; NULL: not asked for yet */
};

struct root_names *root_names_new(struct image *img, const struct v8_census *v8) {
    struct root_names *n = mem_zalloc(sizeof *n);
    n->img = img;
    n->v8 = v8;
    return n;
}

void root_names_free(struct root_names *n) {
    if (!n)
        return;
    for (size_t i = 0; i < n->names.n; i++)
        free(n->names.at[i]);
    for (size_t i = 0; i < n->modules.n; i++)
        free(n->modules.at[i]);
    vec_free(&n->names);
    vec_free(&n->modules);
    map64_done(&n->symbols);
    free(n);
}

/* The module whose data or bss holds addr, and its file. */
static struct elf_file *module_of(struct root_names *n, uint64_t addr, size_t *ret) {
    size_t count;
    const struct image_module *m = image_modules(n->img, &count);
    for (size_t i = 0; i < count; i++) {
        struct elf_file *elf;
        if (addr < m[i].start || image_module_elf(n->img, i, &elf, NULL) < 0)
            continue;
        if (addr >= m[i].end && !elf_file_is_bss(elf, addr - m[i].bias))
            continue;
        *ret = i;
        return elf;
    }
    return NULL;
}

static const char *own_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *name_of_module(struct root_names *n, size_t module) {
    size_t count;
    const struct image_module *m = image_modules(n->img, &count);
    while (n->modules.n < count)
        vec_push(&n->modules, NULL);
    if (!n->modules.at[module])
        n->modules.at[module] = mem_printf("data of %s", own_name(m[module].path));
    return n->modules.at[module];
}

bool root_symbol_at(struct root_names *n, uint64_t addr, struct root_symbol *ret) {
    struct elf_symbol s;
    size_t module, count;
    uint64_t at;
    struct elf_file *elf = module_of(n, addr, &module);
    if (!elf)
        return false;
    const struct image_module *m = &image_modules(n->img, &count)[module];
    *ret = (struct root_symbol){.module = own_name(m->path), .start = addr, .end = addr + 1};
    if (elf_file_symbol_at(elf, addr - m->bias, &s) < 0)
        return true;
    if (!map64_get(&n->symbols, s.value + m->bias, &at)) {
        cleanup_free char *whole = demangle(s.name);
        at = n->names.n;
        vec_push(&n->names, demangle_short(whole));
        map64_put(&n->symbols, s.value + m->bias, at);
    }
    ret->name = n->names.at[at];
    ret->is_table = strncmp(s.name, "_ZTV", 4) == 0;
    ret->start = s.value + m->bias;
    if (s.size)
        ret->end = ret->start + s.size;
    return true;
}

static const char *name_of_variable(struct root_names *n, uint64_t addr) {
    struct root_symbol s;
    size_t module;
    if (!root_symbol_at(n, addr, &s))
        return NULL;
    return s.name ? s.name : module_of(n, addr, &module) ? name_of_module(n, module) : NULL;
}

const char *root_name(struct root_names *n, uint64_t place, bool *ret_variable) {
    enum root_kind kind = (enum root_kind)((place & ~NATIVE_INSIDE) >> NATIVE_PLACE_BITS);
    uint64_t addr = place & ((1ull << NATIVE_PLACE_BITS) - 1);
    const char *variable = kind == ROOT_DATA ? name_of_variable(n, addr) : NULL;
    *ret_variable = variable != NULL;
    if (variable)
        return variable;
    if (kind == ROOT_STACK)
        return "a stack";
    return n->v8 && v8_census_page(n->v8, addr) ? "the JavaScript heap" : "memory outside malloc";
}
