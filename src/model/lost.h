/* Native memory that nothing refers to any more, as `memwhy leaks` finds it: plain data. */
#ifndef MEMWHY_MODEL_LOST_H
#define MEMWHY_MODEL_LOST_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

struct lost_blocks {
    uint64_t size, count, bytes; /* of one class of sizes, with malloc's header */
    char *label;                 /* a class of C++, or a kind of content; NULL unknown */
    uint64_t sample;             /* where the memory of one begins */
};

struct lost_native {
    bool is_known;                        /* it was looked for */
    uint64_t in_use_bytes;                /* of malloc, in all that was looked at */
    uint64_t count, bytes;                /* lost */
    uint64_t handle_blocks, handle_bytes; /* of V8, full of one value: reached, and never freed */
    const char *handle_value;             /* "undefined", ...; NULL unknown */
    VEC(struct lost_blocks) groups;       /* most bytes first; a few */
};

static inline void lost_done(struct lost_native *l) {
    for (size_t i = 0; i < l->groups.n; i++)
        free(l->groups.at[i].label);
    vec_free(&l->groups);
}

#endif
