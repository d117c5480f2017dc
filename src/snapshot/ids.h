/* Numbers of objects in a snapshot: odd, below 2^32 as V8's, and the same in two snapshots of one
 * process for an object that stands where it stood.
 * (A snapshot that knows an earlier one takes over its numbers, and has fresh ones for what is
 * new.)
 *
 * Half of it is where the object stands in its 256 KiB of address space, a word out of 2^15; half
 * is a number for those 256 KiB, one out of 2^16: the low bits of their number in the address space
 * (V8's pages lie in less than 16 GiB as a rule), or where these are taken, the next ones free.
 * Number 0 is left to what is no object: V8's own numbers for the root and its subroots. */
#ifndef MEMWHY_SNAPSHOT_IDS_H
#define MEMWHY_SNAPSHOT_IDS_H

#include "base/map64.h"
#include "v8/pages.h"

enum { SNAPSHOT_UNITS = 1 << 16 };

struct snapshot_ids {
    struct map64 units;   /* 256 KiB of addresses -> its number */
    uint64_t *taken;      /* the numbers, a set */
    struct map64 outside; /* of what is outside the heap */
    uint32_t fresh;       /* the next of snapshot_id_fresh() in its unit */
};

/* -E2BIG: objects begin in more than 2^16 - 1 such units. */
int snapshot_ids_new(const struct v8_pages *pages, struct snapshot_ids *ret);
void snapshot_ids_done(struct snapshot_ids *ids);
uint32_t snapshot_id(const struct snapshot_ids *ids, uint64_t addr);
/* Of memory outside the heap: even. Each address once. */
uint32_t snapshot_id_outside(struct snapshot_ids *ids, uint64_t addr);
/* One that nothing has had, from a unit that was not taken; 0: there is none left. */
uint32_t snapshot_id_fresh(struct snapshot_ids *ids);

#endif
