#include "v8/generators.h"

#include "v8/places.h"
#include <errno.h>

/* JSGeneratorObject: src/objects/js-generator.tq, 9.4 to 14.6. The promise is that of an async
 * function's object; async generators have the queue of their requests in its place. */
enum {
    FUNCTION = 24,
    CONTEXT = 32,
    RECEIVER = 40,
    INPUT_OR_POSITION = 48,
    CONTINUATION = 64,
    PROMISE = 80,
    CLOSED = -1,
    EXECUTING = -2,
};

int v8_generator_read(struct v8_objects *o, uint64_t generator, struct v8_generator *ret) {
    struct v8_generator g = {.offset = PLACE_FUNCTION};
    enum v8_type t = v8_type(o, generator);
    uint64_t at, position;
    if ((t != TYPE_JS_GENERATOR_OBJECT && t != TYPE_JS_ASYNC_FUNCTION_OBJECT &&
         t != TYPE_JS_ASYNC_GENERATOR_OBJECT) ||
        !v8_field(o, generator, FUNCTION, &g.function) ||
        !v8_field(o, generator, CONTEXT, &g.context) ||
        !v8_field(o, generator, RECEIVER, &g.receiver) ||
        !v8_field(o, generator, CONTINUATION, &at) || !v8_is_smi(at))
        return -EBADMSG;
    g.state = v8_smi(at) == CLOSED      ? GENERATOR_CLOSED
              : v8_smi(at) == EXECUTING ? GENERATOR_RUNNING
                                        : GENERATOR_SUSPENDED;
    g.has_started = v8_smi(at) != 0;
    position = v8_field_or_0(o, generator, INPUT_OR_POSITION);
    /* Counted from the tagged array on, as in the frames of the interpreter. */
    if (g.state == GENERATOR_SUSPENDED && v8_is_smi(position) &&
        v8_smi(position) >= o->l->facts.bytecode_header - 1)
        g.offset = v8_smi(position) - (o->l->facts.bytecode_header - 1);
    if (t == TYPE_JS_ASYNC_FUNCTION_OBJECT)
        g.promise = v8_field_or_0(o, generator, PROMISE);
    *ret = g;
    return 0;
}

const char *v8_generator_state(const struct v8_generator *g) {
    static const char *const names[] = {"suspended", "running", "closed"};
    return names[g->state];
}
