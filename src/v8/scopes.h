/* ScopeInfo: what the compiler kept of a scope: its variables, names and place in the source. */
#ifndef MEMWHY_V8_SCOPES_H
#define MEMWHY_V8_SCOPES_H

#include "v8/objects.h"

/* Their numbers changed with version 13; these are ours. */
enum v8_scope_type {
    SCOPE_UNKNOWN,
    SCOPE_SCRIPT,
    SCOPE_CLASS,
    SCOPE_EVAL,
    SCOPE_FUNCTION,
    SCOPE_MODULE,
    SCOPE_CATCH,
    SCOPE_BLOCK,
    SCOPE_WITH,
};

/* Offsets are in bytes, -1: not there. */
struct v8_scope {
    uint64_t addr; /* tagged */
    uint32_t flags;
    enum v8_scope_type type;
    bool name_in_context; /* the function's name is a variable of the context */
    int32_t header_slots; /* the first words of the contexts made for it */
    int32_t n_locals;     /* variables that live in the context */
    int32_t names_at;     /* of each its name, in the order of their slots */
    int32_t table_at;     /* or, of very many, a NameToIndexHashTable */
    int32_t name_at;      /* the function's name, then its slot in the context or on the stack */
    int32_t inferred_at;  /* the name V8 inferred from where it is assigned */
    int32_t positions_at;
};

/* False when it is none. */
bool v8_scope_read(struct v8_objects *o, uint64_t scope_info, struct v8_scope *ret);

/* A declaration scope: of a function, or a block with `var`s of its own. */
static inline bool v8_scope_declares(const struct v8_scope *s) {
    return s->flags >> 6 & 1;
}

#endif
