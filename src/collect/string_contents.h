/* Strings of equal content. */
#ifndef MEMWHY_COLLECT_STRING_CONTENTS_H
#define MEMWHY_COLLECT_STRING_CONTENTS_H

#include "collect/heap_look.h"

struct string_copies {
    uint32_t node;   /* one of them, the first */
    uint32_t count;  /* 2 or more */
    uint64_t bytes;  /* of all, on the heap */
    uint64_t wasted; /* of all but one */
};

struct string_copies_list {
    VEC(struct string_copies) list; /* most wasted first */
    uint64_t wasted;                /* by all, also those that are not in the list */
    uint64_t contents;              /* how many there are more than once */
};

/* Among the sequential strings in the set `strings`, at most `most` (0: all) of the list. Reads
 * each page once, several at a time. That contents are equal is known by their length and a hash of
 * 64 bits. */
void string_copies_find(struct heap_look *look, const uint64_t *strings, uint64_t most,
                        struct string_copies_list *ret);

#endif
