#include "heapfile/classes.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

enum { NOT_YET = UINT32_MAX };

/* "<div id=a>" is of class "<div>", "Detached <div id=a>" of "Detached <div>". */
static void cut_element(char *name) {
    static const char detached[] = "Detached <";
    bool is_detached = strncmp(name, detached, sizeof detached - 1) == 0;
    char *space = *name == '<' || is_detached
                      ? strchr(name + (is_detached ? sizeof detached - 1 : 0), ' ')
                      : NULL;
    if (space)
        memcpy(space, ">", 2);
}

/* The number of the class of that name, which becomes the classes'. */
static uint32_t number_of(struct heapfile_classes *c, struct map64 *index, char *name) {
    uint64_t hash = hash_add(1, name, strlen(name)), at;
    for (;; hash++) {
        if (!hash)
            continue;
        if (!map64_get(index, hash, &at))
            break;
        if (strcmp(c->names.at[at], name) == 0) {
            free(name);
            return (uint32_t)at;
        }
    }
    map64_put(index, hash, c->names.n);
    vec_push(&c->names, name);
    return (uint32_t)c->names.n - 1;
}

static char *name_of_kind(const struct heapfile *f, unsigned kind) {
    switch (kind) {
    case HEAPFILE_HIDDEN:
        return mem_strdup("(system)");
    case HEAPFILE_CODE:
        return mem_strdup("(compiled code)");
    case HEAPFILE_CLOSURE:
        return mem_strdup("Function");
    case HEAPFILE_REGEXP:
        return mem_strdup("RegExp");
    default:
        return mem_printf("(%s)", f->kind_names[kind] ? f->kind_names[kind] : "?");
    }
}

static uint32_t number_of_name(struct heapfile_classes *c, struct map64 *index, uint32_t string,
                               const char *before) {
    cleanup_free char *text = heapfile_string(c->f, string);
    char *name = mem_printf("%s%s", before, text);
    cut_element(name);
    return number_of(c, index, name);
}

static void name_detached(struct heapfile_classes *c, struct map64 *index, uint32_t node) {
    uint32_t string = c->f->name[node];
    uint64_t known;
    if (!map64_get(&c->of_detached, string + 1ull, &known))
        map64_put(&c->of_detached, string + 1ull, number_of_name(c, index, string, "Detached "));
}

static void name_node(struct heapfile_classes *c, struct map64 *index, uint32_t node) {
    uint32_t string = c->f->name[node];
    uint8_t kind = c->f->kind[node];
    if (kind == HEAPFILE_NATIVE && c->detached && bits_get(c->detached, node))
        name_detached(c, index, node);
    else if ((kind == HEAPFILE_OBJECT || kind == HEAPFILE_NATIVE) && c->of_name[string] == NOT_YET)
        c->of_name[string] = number_of_name(c, index, string, "");
}

void heapfile_classes_find(const struct heapfile *f, struct heapfile_classes *ret) {
    struct heapfile_classes c = {.f = f, .detached = heapfile_detached_find(f)};
    struct map64 index = {0};
    for (unsigned k = 0; k < HEAPFILE_KINDS_MAX; k++)
        if (f->kind_names[k])
            c.of_kind[k] = number_of(&c, &index, name_of_kind(f, k));
    c.of_name = mem_alloc(f->strings * sizeof(*c.of_name));
    memset(c.of_name, 0xff, f->strings * sizeof(*c.of_name)); /* NOT_YET */
    for (uint32_t node = 0; node < f->nodes; node++)
        name_node(&c, &index, node);
    map64_done(&index);
    *ret = c;
}

uint32_t heapfile_class_of_detached(const struct heapfile_classes *c, uint32_t node) {
    uint64_t class = 0;
    map64_get(&c->of_detached, c->f->name[node] + 1ull, &class);
    return (uint32_t) class;
}

void heapfile_classes_done(struct heapfile_classes *c) {
    for (size_t i = 0; i < c->names.n; i++)
        free(c->names.at[i]);
    vec_free(&c->names);
    free(c->of_name);
    free(c->detached);
    map64_done(&c->of_detached);
    c->of_name = NULL;
    c->detached = NULL;
}
