/* The memory malloc has in use, by what it is: each chunk by what is in it (chunk_names.h), else by
 * who holds it: the nearest chunk with a name on the shortest way from a root, or the variable or
 * heap that holds it directly. Ways from variables of modules are taken before others, which may
 * begin with words that are left over from something. */
#ifndef MEMWHY_NATIVE_NAMES_H
#define MEMWHY_NATIVE_NAMES_H

#include "base/vec.h"
#include "collect/collect.h"

enum native_how {
    NATIVE_BY_ITSELF, /* its class, its content, or V8 says what it is */
    NATIVE_BY_HOLDER, /* a chunk with a name holds it */
    NATIVE_BY_ROOT,   /* a variable of a module leads to it */
    NATIVE_BY_HEAP,   /* all that is known is what kind of memory leads to it */
    NATIVE_UNNAMED,   /* lost, or not known */
};

struct native_row {
    enum native_how how;
    char *name;    /* of itself, or of what holds it; when unnamed: its first words */
    uint64_t size; /* when unnamed: of the largest, all are of one class of sizes; else 0 */
    uint64_t count, bytes;
    uint64_t sample; /* where the memory of the largest begins */
    uint64_t sample_bytes;
};

struct native_names {
    uint64_t count, bytes;              /* in use */
    uint64_t named[NATIVE_UNNAMED + 1]; /* of the bytes, by how */
    VEC(struct native_row) rows;        /* most bytes first */
};

/* For a still_visit, with NEED_V8 | NEED_MALLOC | NEED_PIECES; `arg` is a struct native_names,
 * which is emptied first. Does nothing where malloc is not glibc's. */
int native_names_see(void *arg, struct image *img, const struct evidence *ev, struct err *e);
void native_names_done(struct native_names *n);

#endif
