/* Chunks of malloc one by one, with what they are: of all sizes, or of one class of sizes. */
#ifndef MEMWHY_NATIVE_CHUNK_LIST_H
#define MEMWHY_NATIVE_CHUNK_LIST_H

#include "collect/collect.h"

struct chunk_row {
    uint64_t addr, size, resident;
    enum malloc_state state;
    int32_t arena;
    uint32_t name; /* index of names; 0: it has none, or is not in use */
    char *text;    /* that it begins with; NULL: none, or not asked for */
};

struct chunk_list {
    /* What is wanted. */
    uint64_t size_from, size_to; /* chunk sizes, both included */
    bool with_text;
    size_t max; /* rows; what is more is counted */
    /* What there is. */
    VEC(struct chunk_row) rows; /* by address */
    VEC(char *) names;          /* [0] is "" */
    size_t more;
};

/* Fills the list in a look with NEED_PIECES (and NEED_V8, for names); it must outlive that. */
struct still_visit chunk_list_visit(struct chunk_list *list);
void chunk_list_done(struct chunk_list *list);

#endif
