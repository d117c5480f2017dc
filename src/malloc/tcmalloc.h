/* Private to src/malloc/: one walk of a tcmalloc of gperftools. */
#ifndef MEMWHY_MALLOC_TCMALLOC_H
#define MEMWHY_MALLOC_TCMALLOC_H

#include "malloc/tally.h"

enum { TCMALLOC_CLASSES = 128 }; /* common.h, kClassSizesMax */

struct tcmalloc_span {
    uint64_t start, end, record; /* record: of the Span; 0: metadata */
    uint64_t objects;            /* the list of those that are free in it */
    uint32_t used;               /* handed out: to the program or to a cache */
    uint8_t size_class, location;
};
enum { SPAN_IN_USE, SPAN_FREE, SPAN_RETURNED };

typedef VEC(uint64_t) tcmalloc_list;

struct tcmalloc {
    struct tally *t;
    uint64_t root;                               /* of the map of pages */
    uint32_t sizes[TCMALLOC_CLASSES], n_classes; /* bytes of an object; [0] is 0 */
    uint64_t first_cache, central;               /* 0: not found */
    VEC(struct tcmalloc_span) spans;             /* ascending, not overlapping */
    tcmalloc_list cached, transfer;              /* objects in caches, sorted */
    uint64_t meta_pages;                         /* of the map, that may still be read */
};

/* tcmalloc_spans.c: fills t->spans. False: there is no such map. */
bool tcmalloc_find_spans(struct tcmalloc *m);
const struct tcmalloc_span *tcmalloc_span_at(const struct tcmalloc *m, uint64_t addr);

/* tcmalloc_caches.c: sizes, and what is free but in caches. False: the sizes are not there, and
 * with them nothing of what is small is known. */
bool tcmalloc_find_sizes(struct tcmalloc *m);
void tcmalloc_find_caches(struct tcmalloc *m);

#endif
