/* Where a process keeps pointers outside malloc: the memory that is read to know which chunks are
 * still held. All that it wrote itself counts:
 *
 *  - registers of all threads, and their stacks from 128 bytes below the stack pointer (the red
 *    zone of the x86-64 ABI) on; what is further below belonged to calls that have ended;
 *  - data and bss of all modules; thread-local storage, which lies behind the stacks;
 *  - every other private mapping, the JavaScript heap with what is garbage on it among them, and
 *    shared memory; stretches of malloc's that could not be walked.
 *
 * Not malloc's own: chunks (those count when they are held), its arenas, its parameters. They point
 * to free chunks. */
#ifndef MEMWHY_NATIVE_ROOTS_H
#define MEMWHY_NATIVE_ROOTS_H

#include "image/image.h"
#include "model/malloc_census.h"

#include "base/vec.h"

/* The lower, the more its words say about who holds what they refer to. */
enum root_kind {
    ROOT_DATA,  /* of a module; bss too */
    ROOT_OTHER, /* the JavaScript heap, stacks of threads, ... */
    ROOT_STACK, /* of the main thread; registers */
};

struct root_range {
    uint64_t start, end; /* resident; whole words */
    enum root_kind kind;
    bool code; /* anonymous machine code: pointers stand at any byte */
};

struct native_roots {
    VEC(struct root_range) list; /* ascending, short enough to be shared out among threads */
    VEC(uint64_t) words;         /* of registers */
    uint64_t guard; /* what glibc mangles pointers with; 0: unknown (which is as good as none) */
    uint32_t threads_without_regs; /* their stacks are read whole */
};

/* Of a still image; the census must have its pieces. */
void native_roots_find(const struct image *img, const struct malloc_census *c,
                       struct native_roots *ret);
void native_roots_done(struct native_roots *r);

#endif
