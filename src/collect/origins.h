/* Where in the program's text objects come from: the script and line of their constructor, or of a
 * function itself. */
#ifndef MEMWHY_COLLECT_ORIGINS_H
#define MEMWHY_COLLECT_ORIGINS_H

#include "collect/sources.h"
#include "v8/scripts.h"

struct origin {
    const char *script; /* valid as long as the origins */
    uint32_t line;      /* 0: not known */
};

struct origins {
    struct sources sources;
    struct v8_scripts scripts;
    VEC(struct origin) list; /* each script and line once */
};

#define ORIGIN_NONE UINT32_MAX /* V8's own, the embedder's, or made by Object or Array */

/* Borrows the look. */
struct origins origins_open(struct heap_look *look);
void origins_done(struct origins *o);
/* The index of a node's origin in o->list, or ORIGIN_NONE. */
uint32_t origins_of(struct origins *o, uint32_t node);

#endif
