/* What glibc's malloc holds of a process, read while it runs: where its counters are is found once,
 * then a reading is a few words. */
#ifndef MEMWHY_MALLOC_TOTALS_H
#define MEMWHY_MALLOC_TOTALS_H

#include "image/image.h"
#include <stdint.h>

struct malloc_totals;

/* -ENODATA: there is no glibc that serves malloc(), or none that was used yet. */
int malloc_totals_find(struct image *img, struct malloc_totals **ret);
/* What all arenas took from the kernel, and what chunks with mappings of their own take: the
 * "system" bytes and "mmap" bytes of malloc_info(). `img` is any reader of the process's memory.
 * -EAGAIN: not now; -ENODATA: the second is not known in this process, ret_arenas is set. */
int malloc_totals_read(struct malloc_totals *t, const struct image *img, uint64_t *ret_arenas,
                       uint64_t *ret_mapped);
void malloc_totals_free(struct malloc_totals *t);

#endif
