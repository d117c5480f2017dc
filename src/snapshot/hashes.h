/* Hashes of the strings among many objects, by several threads: to name them, their contents are
 * read, which takes a tenth of a snapshot's time. */
#ifndef MEMWHY_SNAPSHOT_HASHES_H
#define MEMWHY_SNAPSHOT_HASHES_H

#include "collect/heap_look.h"

enum { SNAPSHOT_HASHES = 1 << 16 };

struct snapshot_hashes;

struct snapshot_hashes *snapshot_hashes_new(const struct heap_look *look, const uint64_t *in);
void snapshot_hashes_free(struct snapshot_hashes *h);
/* Of up to SNAPSHOT_HASHES nodes from `first` on, those in the set `in`: snapshot_string_hash() of
 * a string that is neither concatenated nor sliced; 0: none, or not known. Valid until the next
 * call.
 */
const uint64_t *snapshot_hashes_of(struct snapshot_hashes *h, uint32_t first);

#endif
