/* The edges of a snapshot between being found and being written: the file says how many each node
 * has before it says which. In a file without a name beside the snapshot, some 7 bytes each, so
 * that memory does not grow with them; in blocks, which several threads may read. */
#ifndef MEMWHY_SNAPSHOT_SPOOL_H
#define MEMWHY_SNAPSHOT_SPOOL_H

#include "base/spool.h"
#include "base/vec.h"
#include <stdbool.h>

enum {
    SNAPSHOT_BLOCK = 1 << 15, /* edges in each but the last */
    SNAPSHOT_EDGE_BYTES = 10, /* at most: two numbers of at most 35 bits, 7 to a byte */
};

struct snapshot_spool {
    struct spool bytes;
    uint64_t edges;      /* in all */
    VEC(uint64_t) block; /* where each ends */
    size_t n;            /* of what is in hand */
    uint8_t buf[SNAPSHOT_BLOCK * SNAPSHOT_EDGE_BYTES];
};

/* In the folder of `path`. */
int snapshot_spool_open(const char *path, struct snapshot_spool *ret);
void snapshot_spool_done(struct snapshot_spool *s);
/* `kind` is below 8. */
void snapshot_spool_put(struct snapshot_spool *s, unsigned kind, uint32_t name, uint32_t to);
/* From here on it is read. The first error of all. */
int snapshot_spool_end(struct snapshot_spool *s);

/* One block, read by one thread. */
struct snapshot_block {
    size_t at, n;
    uint32_t left; /* edges */
    uint8_t buf[SNAPSHOT_BLOCK * SNAPSHOT_EDGE_BYTES];
};

/* The i-th of s->block.n; -EIO: there is less than there was. */
int snapshot_block_read(const struct snapshot_spool *s, size_t i, struct snapshot_block *ret);
/* False at its end. */
bool snapshot_block_next(struct snapshot_block *b, unsigned *ret_kind, uint32_t *ret_name,
                         uint32_t *ret_to);

#endif
