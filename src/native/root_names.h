/* What holds a chunk from outside malloc: a variable of a module by its symbol, the JavaScript
 * heap, a stack. */
#ifndef MEMWHY_NATIVE_ROOT_NAMES_H
#define MEMWHY_NATIVE_ROOT_NAMES_H

#include "image/image.h"
#include "model/v8_census.h"

struct root_names;

/* The image must stand still as long as names are asked for; `v8` may be NULL. */
struct root_names *root_names_new(struct image *img, const struct v8_census *v8);
void root_names_free(struct root_names *n);

/* What of a module's code or data an address lies in; names are owned by `n`. */
struct root_symbol {
    const char *name;    /* of the function, variable or table; NULL: the file has none for it */
    const char *module;  /* the file's own name, without folders */
    uint64_t start, end; /* of that symbol; of `addr` alone where there is none */
    bool is_table;       /* of the virtual functions of the class `name` */
};
/* False: it is in no module's memory. */
bool root_symbol_at(struct root_names *n, uint64_t addr, struct root_symbol *ret);

/* Of a native_place() (native_graph.h): the same pointer for the same name, owned by `n`.
 * *ret_variable: it is one of a module, or at least of a known module's data. */
const char *root_name(struct root_names *n, uint64_t place, bool *ret_variable);

#endif
