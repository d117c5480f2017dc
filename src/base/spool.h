/* What need not be in memory: bytes one after the other in a file without a name, to be read again
 * in any order. Written by one, read by several threads. */
#ifndef MEMWHY_BASE_SPOOL_H
#define MEMWHY_BASE_SPOOL_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { SPOOL_BYTES = 1 << 20 };

struct spool {
    int fd;     /* -1: closed */
    int error;  /* of a write: negative errno */
    uint64_t n; /* bytes, with those in hand */
    size_t in_hand;
    uint8_t *buf;
};

/* In $TMPDIR, /var/tmp or /tmp. */
int spool_open(struct spool *ret, struct err *e);
/* Where the file of that path is, or will be; 0 or a negative errno. */
int spool_open_beside(const char *path, struct spool *ret);
void spool_close(struct spool *s);
void spool_put(struct spool *s, const void *p, size_t n);
/* Nothing is put from here on. The first error of all. */
int spool_end(struct spool *s, struct err *e);
/* All n bytes from offset `at`, by whoever writes or after spool_end(); -EIO: there are fewer. */
int spool_read(const struct spool *s, uint64_t at, void *ret, size_t n);

#endif
