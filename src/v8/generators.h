/* Generators, async functions and async generators: where they stand. */
#ifndef MEMWHY_V8_GENERATORS_H
#define MEMWHY_V8_GENERATORS_H

#include "v8/objects.h"

struct v8_generator {
    enum { GENERATOR_SUSPENDED, GENERATOR_RUNNING, GENERATOR_CLOSED } state;
    bool has_started;
    uint64_t function, context, receiver; /* tagged */
    uint64_t promise;                     /* that an async function settles; 0: of none */
    int32_t offset; /* of the bytecode where it is suspended; PLACE_FUNCTION: not begun */
};

/* -EBADMSG when it is none. */
int v8_generator_read(struct v8_objects *o, uint64_t generator, struct v8_generator *ret);
const char *v8_generator_state(const struct v8_generator *g); /* "suspended" */

#endif
