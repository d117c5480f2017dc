/* The edges of a snapshot between being found and being written: the file says how many each node
 * has before it says which. In a file without a name beside the snapshot, some 7 bytes each, so
 * that memory does not grow with them. The first error is kept. */
#ifndef MEMWHY_SNAPSHOT_SPOOL_H
#define MEMWHY_SNAPSHOT_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNAPSHOT_SPOOL_BYTES = 1 << 20 };

struct snapshot_spool {
    int fd;
    int error; /* negative errno */
    const atomic_bool *cancelled;
    bool is_read;    /* nothing is put any more */
    uint64_t edges;  /* in all */
    size_t at, n;    /* of what is in hand */
    uint64_t offset; /* of the next, in the file */
    uint64_t left;   /* edges still to be read */
    uint8_t buf[SNAPSHOT_SPOOL_BYTES];
};

/* In the folder of `path`. */
int snapshot_spool_open(const char *path, const atomic_bool *cancelled, struct snapshot_spool *ret);
void snapshot_spool_done(struct snapshot_spool *s);
/* `kind` is below 8. */
void snapshot_spool_put(struct snapshot_spool *s, unsigned kind, uint32_t name, uint32_t to);
/* From here on it is read, from the first on; once more, too. */
void snapshot_spool_rewind(struct snapshot_spool *s);
/* False at the end, or after an error. */
bool snapshot_spool_get(struct snapshot_spool *s, unsigned *ret_kind, uint32_t *ret_name,
                        uint32_t *ret_to);

#endif
