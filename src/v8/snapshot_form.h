/* The form of .heapsnapshot files, as each version of V8 writes them. */
#ifndef MEMWHY_V8_SNAPSHOT_FORM_H
#define MEMWHY_V8_SNAPSHOT_FORM_H

#include "v8/layout.h"

/* In the order of node_types; what a version does not have is V8_NODE_HIDDEN there. */
enum v8_node_kind {
    V8_NODE_HIDDEN,
    V8_NODE_ARRAY,
    V8_NODE_STRING,
    V8_NODE_OBJECT,
    V8_NODE_CODE,
    V8_NODE_CLOSURE,
    V8_NODE_REGEXP,
    V8_NODE_NUMBER,
    V8_NODE_NATIVE,
    V8_NODE_SYNTHETIC,
    V8_NODE_CONCATENATED,
    V8_NODE_SLICED,
    V8_NODE_SYMBOL,
    V8_NODE_BIGINT,
    V8_NODE_SHAPE,
};

struct v8_snapshot_form {
    const char *node_types;       /* JSON, the names of the kinds */
    bool has_trace_node_id;       /* a field of every node */
    bool types_one_more;          /* node_types has a type for it (13 forgot to take it out) */
    bool has_extra_native;        /* the header says "extra_native_bytes" */
    bool has_shapes;              /* the kind V8_NODE_SHAPE */
    const char *const *subroots;  /* names below "(GC roots)", ended by NULL */
    const char *strong;           /* of them the roots table, */
    const char *others;           /* and what else the isolate holds */
    const char *native_extension; /* what leads from a native context to its global object */
    bool has_contexts_on_top; /* the root's shortcuts lead to native contexts, not to their globals
                               */
};

/* That of the target's version, or of the nearest one below it. Static. */
const struct v8_snapshot_form *v8_snapshot_form(const struct v8_layout *l);
/* How many fields a node has. */
unsigned v8_snapshot_fields(const struct v8_snapshot_form *f);
/* {"node_fields": ...}; the caller frees it. */
char *v8_snapshot_meta(const struct v8_snapshot_form *f);

#endif
