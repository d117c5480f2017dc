/* Who refers to an address outside V8's heap: chunks, variables of modules, stacks, registers,
 * thread-local storage, objects of V8, other mappings; each with how. */
#ifndef MEMWHY_NATIVE_KEEPERS_H
#define MEMWHY_NATIVE_KEEPERS_H

#include "native/places.h"
#include "native/pointers.h"

/* The stretch that an address stands for, when it is asked who refers to it: a chunk's memory, a
 * variable, a mapping; of stacks and the like the address alone. */
struct place keepers_stretch(struct places *p, uint64_t addr);

/* One that refers. Texts are its own. */
struct keeper {
    struct pointer word;
    enum place_kind kind;
    uint64_t from; /* the chunk's memory, the object (tagged), the variable; where the word stands
                      in others; 0: a register */
    uint32_t piece, node; /* as in struct place */
    bool dead;            /* holds nothing by it */
    char *summary;        /* "ZlibStream, chunk of 160 B", "thread 12 (MainThread)" */
    char *class;          /* of a chunk or object; NULL */
    char *name;           /* where in it: "+0x18", "[[InternalField0]]", "rbx" */
    bool is_owner;        /* V8 keeps it as what is outside of the object: its store, its peer */
};

struct keepers {
    /* The caller's question. */
    bool with_dead;
    size_t max; /* that are told; 0: all */
    /* The answer: what says most first. */
    VEC(struct keeper) list;
    uint64_t found, dead, left_out; /* all that hold; that do not, and were not asked for; by max */
    bool cut;                       /* too many to look at all */
    uint64_t unread_bytes;
};

/* Of the stretch; what refers to itself from within is left out. The answer must be empty. */
void keepers_find(struct places *p, const struct place *of, struct keepers *ret);
void keepers_done(struct keepers *h);

/* How sure a reference is: "a number that equals the address", ...; "" when it is the plain
 * address.
 */
const char *keeper_doubt(const struct keeper *h);

#endif
