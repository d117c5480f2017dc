/* The native heap as a graph: nodes are malloc's pieces, by their numbers in the census (those that
 * are no chunk in use have no edges), roots are what native_roots.h finds.
 *
 * What counts as a reference to a chunk, in roots and in chunks alike:
 *  - a word, at an address divisible by eight, that is an address in the chunk's memory, first byte
 *    or any other (so low bits used as tags do no harm), the word malloc lends from the next chunk
 *    included, one past the end not;
 *  - such an address mangled by glibc's PTR_MANGLE (setjmp, atexit);
 *  - the address where the memory begins, kept as a JavaScript number: a double, or a Smi of 64-bit
 *    V8 (a BigInt is a plain word);
 *  - in anonymous machine code, 64-bit words at any byte, and the operands of `mov r32, imm32`.
 * Not found: what is compressed, encrypted, split, kept in a file or another process, or known to
 * the kernel alone (epoll_event.data, io_uring's user_data). */
#ifndef MEMWHY_NATIVE_GRAPH_H
#define MEMWHY_NATIVE_GRAPH_H

#include "graph/graph.h"
#include "malloc/chunk_map.h"
#include "native/roots.h"

struct native_graph {
    struct chunk_map map;
    struct native_roots roots;
    struct graph *graph;
    uint64_t *addressed; /* set (base/bits.h) of pieces that roots refer to by their addresses */
    uint64_t *numbered;  /* and by JavaScript numbers */
    uint64_t *places;    /* of each piece: the root that says most about who holds it, as
                            native_place(), or NATIVE_NOWHERE; NULL when not asked for */
    uint64_t in_use_count, in_use_bytes; /* of the pieces */
    uint64_t unread_bytes; /* of roots and of chunks in use: in memory and yet not readable */
};

/* Where a reference stands, ordered by how much that says: a number may look like an address inside
 * a chunk, but hardly like the one where its memory begins. */
#define NATIVE_NOWHERE UINT64_MAX
#define NATIVE_INSIDE (4ull << NATIVE_PLACE_BITS) /* added: it refers to what is inside */
enum { NATIVE_PLACE_BITS = 60, NATIVE_PLACE_ORDERS = 8 };
static inline uint64_t native_place(enum root_kind kind, uint64_t addr) {
    return (uint64_t)kind << NATIVE_PLACE_BITS | addr;
}

/* What is reached only because numbers count, and what beyond that because mangled addresses do:
 * who looks for plain addresses calls it lost. Sets; NULL where there are none. Numbers in chunks
 * are not told from addresses there. The caller frees them. */
struct native_by_form {
    uint64_t *number, *mangled;
};
void native_graph_by_form(const struct native_graph *g, struct native_by_form *ret);

/* Reads all of a still image once. The census must have its pieces and outlive `ret`. */
int native_graph_build(const struct image *img, const struct malloc_census *c, bool places,
                       struct native_graph *ret, struct err *e);
void native_graph_done(struct native_graph *g);

#endif
