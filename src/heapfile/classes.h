/* The classes of a heap file's nodes, as DevTools calls them (className() of its HeapSnapshot.ts):
 * of objects and native ones their name, an element's without what is behind its tag, of functions
 * "Function", of detached ones of the embedder's "Detached " and their name, of all others their
 * kind in brackets: "(string)", "(system)", "(compiled code)". */
#ifndef MEMWHY_HEAPFILE_CLASSES_H
#define MEMWHY_HEAPFILE_CLASSES_H

#include "base/bits.h"
#include "heapfile/detached.h"

struct heapfile_classes {
    const struct heapfile *f;
    VEC(char *) names;
    uint32_t *of_name;                    /* of objects, by string */
    uint32_t of_kind[HEAPFILE_KINDS_MAX]; /* of the others */
    uint64_t *detached;       /* set: "Detached " stands before their name; NULL: none */
    struct map64 of_detached; /* their name, a string, + 1 -> class */
};

void heapfile_classes_find(const struct heapfile *f, struct heapfile_classes *ret);
void heapfile_classes_done(struct heapfile_classes *c);

uint32_t heapfile_class_of_detached(const struct heapfile_classes *c, uint32_t node);

static inline uint32_t heapfile_class_of(const struct heapfile_classes *c, uint32_t node) {
    uint8_t kind = c->f->kind[node];
    if (kind == HEAPFILE_NATIVE && c->detached && bits_get(c->detached, node))
        return heapfile_class_of_detached(c, node);
    return kind == HEAPFILE_OBJECT || kind == HEAPFILE_NATIVE ? c->of_name[c->f->name[node]]
                                                              : c->of_kind[kind];
}

#endif
