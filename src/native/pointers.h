/* Every word of a process that refers to one stretch of its memory: in all that native_roots.h
 * takes for roots, and in malloc's chunks that are in use. What counts as a reference is in
 * native/graph.h. Conservative: a word that equals an address may be a number. */
#ifndef MEMWHY_NATIVE_POINTERS_H
#define MEMWHY_NATIVE_POINTERS_H

#include "base/vec.h"
#include "image/image.h"
#include "model/malloc_census.h"

enum pointer_how {
    POINTER_BEGIN,   /* the word is the address where the stretch begins */
    POINTER_INSIDE,  /* one inside */
    POINTER_MANGLED, /* either, as glibc's PTR_MANGLE makes it */
    POINTER_NUMBER,  /* where it begins, as a number of JavaScript's */
    POINTER_CODE,    /* anywhere in it, in machine code made at run time */
};
const char *pointer_how_name(enum pointer_how h); /* "begin", "inside", ... */

struct pointer {
    uint64_t at;          /* where the word stands; 0: in a register */
    uint64_t value;       /* the address it means */
    uint32_t thread, reg; /* of registers: the index of the thread, and of its register */
    enum pointer_how how;
};

struct pointers {
    VEC(struct pointer) list; /* registers last, else by address */
    uint64_t more;            /* that are not kept, because there are too many */
    uint64_t unread_bytes;    /* in memory and yet not readable */
};

/* The stretch is [start, end). Of a still image; the census must have its pieces, if it is known
 * (`c` may be NULL). */
void pointers_find(const struct image *img, const struct malloc_census *c, uint64_t start,
                   uint64_t end, struct pointers *ret);
void pointers_done(struct pointers *p);

/* What a word, that is at an address divisible by eight, means of the stretch; false: nothing. */
struct pointer_target {
    uint64_t start, end, guard;
};
bool pointer_means(const struct pointer_target *t, uint64_t word, struct pointer *ret);

/* "rbx", "xmm3"; the buffer is the caller's. */
enum { REGISTER_NAME_MAX = 12 };
const char *pointer_register(uint32_t reg, char buf[REGISTER_NAME_MAX]);

#endif
