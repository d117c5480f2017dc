/* What Error().stack calls a function that runs. */
#ifndef MEMWHY_V8_NAMES_H
#define MEMWHY_V8_NAMES_H

#include "v8/functions.h"

struct v8_call {
    uint64_t function; /* tagged JSFunction; 0 unknown */
    struct v8_shared shared;
    uint64_t receiver;
    bool has_receiver; /* it is known */
    bool is_constructor;
};

/* "Server.emit", "new Foo", "Object.<anonymous>", "Foo.bar [as baz]": what stands between "at " and
 * the place in brackets; "" for an anonymous function. The caller frees. */
char *v8_call_name(struct v8_objects *o, const struct v8_call *call);

/* The function's name alone (JSFunction::GetDebugName); "" for an anonymous one. */
char *v8_function_name(struct v8_objects *o, uint64_t function, const struct v8_shared *s);

#endif
