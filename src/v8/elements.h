/* Indexed properties of objects, of every elements kind. */
#ifndef MEMWHY_V8_ELEMENTS_H
#define MEMWHY_V8_ELEMENTS_H

#include "v8/strings.h"
#include "v8/typed_arrays.h"

struct v8_element {
    uint64_t index;
    uint64_t value; /* tagged; of an accessor its pair */
    char *text; /* instead of it, where no tagged word stands: raw numbers, characters; the caller
                   frees it */
    bool is_accessor; /* of dictionaries only */
};

/* An object's own elements, without holes: those of a String object's characters first, the rest in
 * the order of their indices. */
struct v8_elements {
    struct v8_objects *o;
    uint64_t object;
    uint64_t store; /* tagged FixedArray or FixedDoubleArray; 0 of dictionaries */
    uint64_t at, n; /* the next one; of the store or typed array */
    struct v8_text characters;
    uint64_t mapping, mapped, context; /* sloppy arguments: where parameters that are tied to their
                                          variables are, and how many */
    struct v8_typed_array typed;
    VEC(struct v8_element) sorted; /* of a dictionary */
    size_t next_sorted;
};

/* The number of the elements kind (src/objects/elements-kind.h); -1 when it is no object. */
int v8_elements_kind(struct v8_objects *o, uint64_t object);

void v8_elements_open(struct v8_objects *o, uint64_t object, struct v8_elements *ret);
bool v8_elements_next(struct v8_elements *e, struct v8_element *ret);
/* How many are left at most: holes count. */
uint64_t v8_elements_left(const struct v8_elements *e);
void v8_elements_done(struct v8_elements *e);

#endif
