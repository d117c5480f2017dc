/* How edges are told; for edges*.c only. */
#ifndef MEMWHY_V8_EDGE_READER_H
#define MEMWHY_V8_EDGE_READER_H

#include "v8/contexts.h"
#include "v8/edges.h"

/* What decides which fields have names, by instance type. */
enum v8_edge_family {
    FAMILY_OTHER,
    FAMILY_ARRAY,      /* elements are internal, by index */
    FAMILY_WEAK_ARRAY, /* the same, or weak */
    FAMILY_WEAK_LIST,  /* WeakArrayList */
    FAMILY_EPHEMERONS,
    FAMILY_DESCRIPTORS,
    FAMILY_FIELDS, /* `fields` says which */
    FAMILY_STRING,
    FAMILY_MAP,
    FAMILY_CONTEXT,
    FAMILY_CELL, /* ContextCell */
    FAMILY_RECEIVER,
};

struct v8_edge_field {
    int32_t offset;
    const char *name;
};

enum { EDGE_VISITED_WORDS = 2048, EDGE_FIELDS = 6 };

struct v8_edge_reader {
    struct v8_objects *o;
    const struct v8_nodes *nodes;
    uint8_t family[1 << 16];
    uint8_t fields[1 << 16];  /* index in the table of named fields */
    uint64_t inessential[64]; /* values that V8 gives no edges to; the hole is the first */
    size_t n_inessential;
    uint64_t least, most;               /* of them */
    int dictionary_elements;            /* the elements kind */
    struct v8_edge_field *native_names; /* fields of native contexts; strings are ours */
    size_t n_native_names;
    VEC(struct v8_edge) list;
    /* Of the object being read. */
    uint64_t object, bytes, only;
    uint32_t node;
    int type;
    uint64_t visited[EDGE_VISITED_WORDS / 64]; /* words that have their edge; behind: none */
};

/* Add an edge to what the word, of either strength, leads to: `node`; false: that has no edge. */
static inline bool edge_add_to(struct v8_edge_reader *r, uint64_t word, uint32_t node,
                               struct v8_edge e) {
    e.to = v8_strong(word);
    e.node = node;
    if ((r->only && e.to != r->only) || (!(r->only && v8_is_smi(word)) && node == V8_NO_NODE))
        return false;
    vec_push(&r->list, e);
    return true;
}
static inline bool edge_add(struct v8_edge_reader *r, uint64_t word, struct v8_edge e) {
    return (!r->only || v8_strong(word) == r->only) &&
           edge_add_to(r, word, v8_node_at(r->nodes, word), e);
}
/* The word at `offset` of the object is told. */
void edge_visited(struct v8_edge_reader *r, int64_t offset);
/* An internal edge from a field, which is told with it. */
void edge_field(struct v8_edge_reader *r, int32_t offset, const char *name);
void edge_weak_field(struct v8_edge_reader *r, int32_t offset, const char *name);
/* Is this one of what V8 has edges for everywhere? */
bool edge_is_essential(const struct v8_edge_reader *r, uint64_t word);

/* Some of the `n` words at an address, at most EDGE_CHUNK, as they are at hand; 0: not readable. */
enum { EDGE_CHUNK = 64 };
size_t edge_read_words(struct v8_edge_reader *r, uint64_t addr, uint64_t n,
                       uint64_t ret[EDGE_CHUNK]);

/* JSObjects, in edges_object.c. */
void edges_of_receiver(struct v8_edge_reader *r);

#endif
