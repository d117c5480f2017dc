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

/* Of a native_place() (native_graph.h): the same pointer for the same name, owned by `n`.
 * *ret_variable: it is one of a module, or at least of a known module's data. */
const char *root_name(struct root_names *n, uint64_t place, bool *ret_variable);

#endif
