/* Blocks nothing refers to: malloc's chunks in use that no root leads to, grouped for people. What
 * counts as a reference is in native_graph.h; it errs on the side of "held".
 *
 * One block is told apart: Node empties OpenSSL's list of compression methods at its start, and so
 * forgets the SSL_COMP that was in it (sk_SSL_COMP_zero() in InitCryptoOnce(), src/crypto/
 * crypto_util.cc; Node 24 and 26, whose OpenSSL puts zlib into the list). */
#ifndef MEMWHY_NATIVE_LEAKS_H
#define MEMWHY_NATIVE_LEAKS_H

#include "base/vec.h"
#include "collect/collect.h"
#include "native/handle_blocks.h"

struct leak_group {
    uint64_t size; /* of the largest, with malloc's header; all are of one class of sizes */
    uint64_t count, bytes;
    uint64_t indirect; /* how many of them are lost only because what held them is */
    char *label;       /* a class, or a kind of content; NULL: unknown */
    char *points_to;   /* what the sample refers to; NULL: nothing of malloc's */
    char *text;        /* what the sample begins with; NULL: no text */
    uint64_t sample;   /* where the memory of one of them begins */
};

struct leaks {
    uint64_t least; /* groups of fewer bytes are left out of `groups`; given by the caller */
    bool each;      /* each block is a group; likewise */
    uint64_t in_use_count, in_use_bytes;
    uint64_t lost_count, lost_bytes;         /* all */
    uint64_t indirect_count, indirect_bytes; /* of them */
    uint64_t known_count, known_bytes;       /* lost too, and in none of the above: Node's own */
    /* Not lost: reached only through JavaScript numbers that are addresses, and through addresses
     * that glibc mangled. Who looks for plain addresses calls these lost. */
    uint64_t number_count, number_bytes, mangled_count, mangled_bytes;
    struct handle_blocks handles; /* these are reached, and leaked nevertheless */
    uint64_t unread_bytes;        /* what should have been looked at and was not */
    uint32_t threads_without_regs;
    VEC(struct leak_group) groups; /* most bytes first */
};

/* For a still_visit, with NEED_V8 | NEED_MALLOC | NEED_PIECES; `arg` is a struct leaks, which is
 * emptied first, but for what the caller gave. Does nothing where malloc is not glibc's. */
int leaks_see(void *arg, struct image *img, const struct evidence *ev, struct err *e);
void leaks_done(struct leaks *l);

#endif
