/* The roots of an isolate: what keeps objects although no object refers to them. */
#ifndef MEMWHY_V8_ROOTS_H
#define MEMWHY_V8_ROOTS_H

#include "v8/bodies.h"
#include "v8/nodes.h"

enum v8_root_kind {
    ROOT_ISOLATE,  /* the roots table and other fields of the isolate and its heap */
    ROOT_GLOBAL,   /* strong global handles (v8::Global, napi references, timers, sockets) */
    ROOT_ETERNAL,  /* eternal handles */
    ROOT_CACHE,    /* snapshot object caches */
    ROOT_COMPILED, /* the compilation cache */
    ROOT_HANDLE,   /* open handle scopes */
    ROOT_STACK,    /* anything on a thread's stack or in its registers: conservative */
    ROOT_WEAK,     /* weak global handles: keep nothing */
    ROOT_KINDS
};

#define V8_STRONG_ROOTS (((1u << ROOT_KINDS) - 1) & ~(1u << ROOT_WEAK)) /* a set of kinds */

struct v8_root {
    uint32_t node;
    enum v8_root_kind kind;
    uint32_t entry; /* in the roots table; V8_NO_ENTRY: elsewhere */
};

#define V8_NO_ENTRY UINT32_MAX

struct v8_root_list {
    VEC(struct v8_root) list;
    bool globals_found; /* false: the global handles of some isolate were not found */
};

/* Is it a cache that every full collection empties before it marks? (Heap::MarkCompactPrologue,
 * src/heap/heap.cc, 7.8 to 14.6: of strings made from numbers and of results of regular
 * expressions.) What is in it keeps nothing. */
bool v8_root_is_emptied(const struct v8_layout *l, const struct v8_root *root);

/* All roots of all isolates. The image must not move. */
void v8_roots_collect(struct image *img, const struct v8_layout *l, const struct v8_pages *pages,
                      const struct v8_isolate_list *isolates, const struct v8_nodes *nodes,
                      struct v8_root_list *ret);
void v8_roots_done(struct v8_root_list *r);
const char *v8_root_kind_name(enum v8_root_kind k);
/* The entry's name in V8's roots table, or its kind. The caller frees it. */
char *v8_root_name(const struct v8_layout *l, const struct v8_root *root);

#endif
