/* Contexts: the variables that closures, modules and scripts keep, by name. */
#ifndef MEMWHY_V8_CONTEXTS_H
#define MEMWHY_V8_CONTEXTS_H

#include "v8/scopes.h"

/* Of every scope: function, block, catch, class, eval, module, script, `with`; the native context
 * too. */
bool v8_is_context(struct v8_objects *o, uint64_t tagged);
bool v8_is_native_context(struct v8_objects *o, uint64_t tagged);

/* The context a function closes over; 0 when it is no function. */
uint64_t v8_context_of(struct v8_objects *o, uint64_t function);
/* The next one outwards; 0 when there is none (of the native context). */
uint64_t v8_context_outer(struct v8_objects *o, uint64_t context);
/* The scope it was made for; false when it is no context, or the native one. */
bool v8_context_scope(struct v8_objects *o, uint64_t context, struct v8_scope *ret);

struct v8_variable {
    uint64_t name;  /* tagged String; of what the compiler made, as ".this_function", too */
    int32_t offset; /* of its slot in the context, in bytes */
    uint64_t slot;  /* what the slot holds */
    uint64_t value; /* the same, or what the ContextCell there holds: tagged; the hole until it is
                       initialised */
    double number;  /* when is_number: the value, which no tagged word says */
    bool is_number;
};

/* The variables of one context. */
struct v8_variables {
    struct v8_objects *o;
    uint64_t context;
    struct v8_scope scope;
    uint64_t table; /* of names; 0: they are inline */
    int64_t at, n;
    bool last; /* the function's own name comes last */
};

/* There are none when it is no context. */
void v8_variables_open(struct v8_objects *o, uint64_t context, struct v8_variables *ret);
bool v8_variables_next(struct v8_variables *v, struct v8_variable *ret);

#endif
