/* What a snapshot keeps for the next one of the same process: where each object stood, and a hash
 * of the numbers and characters in it. V8's form has no room for it; readers pass over the member
 * "memwhy" of the file, one string of four words:
 *
 *   process   a hash of what no two processes (nor two isolates of one) have in common
 *   nodes     which node is the first object
 *   ids       which numbers of units (snapshot/ids.h) are taken: lengths of runs, free and
 *             taken in turns
 *   objects   of each in order: 4 * the words since the object before + how many hashes of 30 bits
 *             follow: of all in it, of its first number. Before the first in another 256 KiB of
 * address space: 0, and 4 * how many such units it is further on, or 4 * how many back - 2, +
 * whether objects there are young; words are counted from the one before the unit's first.
 *
 * Numbers are written five bits to a character, lowest first; hashes six bits.
 *
 * Hashes are keyed with the process's own secret, which the file does not hold: what is blanked in
 * it cannot be guessed from them. */
#ifndef MEMWHY_SNAPSHOT_TRAIL_H
#define MEMWHY_SNAPSHOT_TRAIL_H

#include "snapshot/plan.h"
#include "snapshot/text.h"

enum { SNAPSHOT_CONTENT_BITS = 30 };

/* Of a process and one of its isolates. */
uint64_t snapshot_secret(struct heap_look *look, int isolate);
/* What the file says of it. */
uint64_t snapshot_process(uint64_t secret);

/* Hashes of an object's own numbers, characters, bytes; 0 when it has none. An object of the
 * program's has a second one, of its first number alone, when it has several: they change, and what
 * was there first is what often never does. */
struct snapshot_content {
    uint32_t all, first;
};

struct snapshot_content snapshot_content(struct v8_objects *o, uint64_t secret, uint64_t object,
                                         uint64_t bytes);
/* The same of a string, from the hash of its characters; .all alone. */
uint32_t snapshot_content_of_string(uint64_t secret, uint64_t hash);

/* Does an object stand in the young generation? */
bool snapshot_is_young(const struct v8_view *view, uint64_t addr);
/* Up to the first object. */
void snapshot_trail_head(struct snapshot_text *t, const struct snapshot_plan *p, uint64_t secret);
/* One object, at `addr`; the one before it stood at `before`, or 0. */
void snapshot_trail_object(struct snapshot_text *t, const struct snapshot_plan *p, uint64_t before,
                           uint64_t addr, struct snapshot_content content);

/* Reading it again: bytes come from `more`, which returns how many, 0 at the end. */
struct snapshot_trail {
    size_t (*more)(void *arg, char *buf, size_t n);
    void *arg;
    size_t at, n;
    uint64_t addr; /* of the object read last */
    struct snapshot_content content;
    bool is_young;
    bool begins; /* the first of its 256 KiB */
    char buf[1 << 16];
};

/* -EBADMSG: it is no trail. Adds the taken numbers to `ids`. */
int snapshot_trail_begin(struct snapshot_trail *t, uint64_t *ret_process, uint32_t *ret_first,
                         uint64_t *taken);
/* The same when only the objects are there. */
void snapshot_trail_begin_objects(struct snapshot_trail *t);
/* The next object: addr, content, ...; false: there are no more. */
bool snapshot_trail_next(struct snapshot_trail *t);

#endif
