/* The references out of one object, each with the kind and the name V8's heap snapshots give it
 * (V8HeapExplorer::ExtractReferences, src/profiler/heap-snapshot-generator.cc, 9.4 to 14.6; numbers
 * count as objects, as with exposeNumericValues). Not all are words of the object: a property's
 * edge leads from the object to the value, wherever that is kept; the word that leads to where it
 * is kept is an edge too. What V8 gives no edge to (undefined, empty arrays) has none here. Beyond
 * V8:
 *   - properties of ArrayBuffers,
 *   - entries of Map and Set, elements of frozen and sealed arrays, exports of modules: shortcuts,
 *   - variables of every scope are named, of blocks and catch clauses too, and the edge leads on to
 *     what a ContextCell holds (the cell's own edge is internal).
 *
 * One object at a time, not for several threads at once: each takes a reader of its own. */
#ifndef MEMWHY_V8_EDGES_H
#define MEMWHY_V8_EDGES_H

#include "v8/nodes.h"
#include "v8/objects.h"

enum v8_edge_kind {
    EDGE_CONTEXT, /* a variable of a context */
    EDGE_ELEMENT,
    EDGE_PROPERTY,
    EDGE_INTERNAL, /* a field of V8's own, named */
    EDGE_HIDDEN,   /* the same, without a name */
    EDGE_SHORTCUT, /* no word of its own: shorter than the way it really goes */
    EDGE_WEAK,
    EDGE_KINDS
};

/* What the name is made of. */
enum v8_edge_form {
    EDGE_BY_INDEX,  /* index */
    EDGE_BY_TEXT,   /* text */
    EDGE_BY_KEY,    /* key: a String or Symbol */
    EDGE_GETTER,    /* "get " key */
    EDGE_SETTER,    /* "set " key */
    EDGE_ARGUMENT,  /* "bound_argument_" index */
    EDGE_ENTRY_KEY, /* a key of a Map: the entry's index */
    EDGE_MEMBER,    /* of a Set: the same */
    EDGE_ENTRY,     /* a value of a Map: key */
    EDGE_EPHEMERON, /* a value of a WeakMap: key */
    EDGE_EXPORT,    /* of a module: key */
};

struct v8_edge {
    uint64_t to;   /* tagged and strong; or as is_outside says */
    uint32_t node; /* the same as a node; V8_NO_NODE: a Smi, or outside */
    uint8_t kind, form;
    bool is_ours;     /* V8 has no such edge */
    bool is_outside;  /* `to` is an address outside the heap */
    bool is_embedder; /* by index, of the fields that the embedder keeps in its wrappers */
    uint32_t index;
    union {
        const char *text;
        uint64_t key; /* tagged */
    };
};

struct v8_edge_reader;

/* Borrows both. */
struct v8_edge_reader *v8_edge_reader_new(struct v8_objects *o, const struct v8_nodes *nodes);
void v8_edge_reader_free(struct v8_edge_reader *r);

/* All edges out of a node, or those to `only` (tagged; a Smi too), if not 0; valid until the next
 * call. Values
 * of a WeakMap hang on its table; v8_nodes_ephemerons() has them by key. */
const struct v8_edge *v8_edges_of(struct v8_edge_reader *r, uint32_t node, uint64_t only,
                                  size_t *ret_n);

/* Is it where objects keep what they refer to: elements, properties, dictionaries, cells, accessor
 * pairs, descriptors? Then what refers to it may have an edge to what is kept there. */
bool v8_edge_is_storage(const struct v8_edge_reader *r, uint64_t object);
bool v8_edge_is_descriptors(const struct v8_edge_reader *r, uint64_t object);

const char *v8_edge_kind_name(enum v8_edge_kind k);
/* As V8 writes it: "name", "17", "get name", "<symbol name>". The caller frees it. */
char *v8_edge_name(struct v8_objects *o, const struct v8_edge *e);

#endif
