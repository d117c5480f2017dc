/* The way from a root to every chunk in use: through variables of modules and live objects of V8
 * that refer to where its memory begins, and where there is none, through words that say less:
 * other memory, stacks, addresses inside. Of ways that say as much, the shortest. */
#ifndef MEMWHY_NATIVE_CHAINS_H
#define MEMWHY_NATIVE_CHAINS_H

#include "base/map64.h"
#include "native/keepers.h"

struct native_graph;
struct paths;

struct chains {
    struct places *places;
    struct native_graph *g;
    uint32_t *from;   /* of each piece: the one before it; itself: a root leads to it; CHUNK_NONE */
    uint32_t *length; /* chunks on the way, with itself */
    uint8_t *doubt;   /* of the way's root: 0 is the best */
    struct map64 by_object; /* piece + 1: where in a live object the word is that leads to it */
};

/* Borrows the places, which must know the chunks. */
int chains_new(struct places *p, struct chains *ret, struct err *e);
void chains_done(struct chains *c);

/* The doubt of a way that begins with this keeper. */
uint8_t chains_doubt(const struct keeper *h);
/* Where in one chunk the first word is that leads to another; 0: none is found. */
uint64_t chains_word(const struct chains *c, uint32_t from, uint32_t to);
/* Where the word stands that leads to a piece whose `from` is itself; 0: in a register. */
uint64_t chains_root(const struct chains *c, uint32_t piece);

/* The ways to what lies at addr, into `ret`, whose `most` the caller sets; as paths_see() does. */
int chains_paths(struct places *p, uint64_t addr, struct paths *ret, struct err *e);

#endif
