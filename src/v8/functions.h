/* Functions: what their SharedFunctionInfo says of name, script and code. */
#ifndef MEMWHY_V8_FUNCTIONS_H
#define MEMWHY_V8_FUNCTIONS_H

#include "v8/objects.h"

struct v8_shared {
    uint64_t addr;     /* tagged SharedFunctionInfo */
    uint64_t name;     /* String or ScopeInfo, as it stands */
    uint64_t script;   /* 0: a builtin, or a function of the embedder */
    uint64_t bytecode; /* 0: none, or the code is optimised only */
    uint32_t flags;
    uint16_t token_offset; /* how far the `function` token stands before the parameters; 0xffff
                              unknown */
};

/* The SharedFunctionInfo of a JSFunction; 0 when it is none. */
uint64_t v8_shared_of(struct v8_objects *o, uint64_t function);

/* -EBADMSG when it is none. */
int v8_shared_read(struct v8_objects *o, uint64_t shared, struct v8_shared *ret);
/* Bits of `flags` (src/objects/shared-function-info.tq, 9.4 to 14.6). */
static inline bool v8_shared_is_native(const struct v8_shared *s) {
    return s->flags >> 5 & 1;
}
static inline bool v8_shared_is_strict(const struct v8_shared *s) {
    return s->flags >> 6 & 1;
}
static inline bool v8_shared_is_class(const struct v8_shared *s) {
    return s->flags >> 10 & 1;
}
/* FunctionSyntaxKind::kWrapped: a CommonJS module's body. */
static inline bool v8_shared_is_wrapped(const struct v8_shared *s) {
    return (s->flags >> 7 & 7) == 4;
}

/* The name a function has (`own`), and the one V8 inferred from where it is assigned; 0 where it
 * has none. Tagged strings. */
uint64_t v8_shared_own_name(struct v8_objects *o, const struct v8_shared *s);
uint64_t v8_shared_inferred_name(struct v8_objects *o, const struct v8_shared *s);
/* SharedFunctionInfo::DebugName: the first of them that is not empty; 0: none. */
uint64_t v8_shared_debug_name(struct v8_objects *o, const struct v8_shared *s);

/* Where in the script it begins (at its parameters) and ends; false when not known. */
bool v8_shared_range(struct v8_objects *o, const struct v8_shared *s, uint32_t *ret_start,
                     uint32_t *ret_end);

/* The bytecode that a word found where code is kept leads to: the bytecode itself, interpreter
 * data, or baseline code. 0: none. */
uint64_t v8_bytecode_of(struct v8_objects *o, uint64_t data);

#endif
