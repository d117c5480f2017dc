/* Residency of a running process, page by page, from /proc/PID/pagemap. Private to src/image/. */
#ifndef MEMWHY_IMAGE_PAGEMAP_H
#define MEMWHY_IMAGE_PAGEMAP_H

#include "model/region.h"
#include "model/residency.h"
#include <sys/types.h>

/* Fill `ret` (which must be empty) for the process. Uses the PAGEMAP_SCAN ioctl where the kernel
 * has it (6.7), else reads the table region by region; without the ioctl the shared zero page of
 * anonymous regions cannot be told from a page in memory unless frame numbers are readable.
 * -EACCES, -ESRCH, -EIO. */
int pagemap_residency(pid_t pid, const struct region_list *regions, struct residency *ret);

/* The same for the regions that are chosen; a NULL `chosen` chooses all. */
typedef bool pagemap_choice(const void *arg, const struct region *r);
int pagemap_residency_of(pid_t pid, const struct region_list *regions, pagemap_choice *chosen,
                         const void *arg, struct residency *ret);

/* The fall-back by itself, so that a test can hold both against each other. */
int pagemap_residency_by_table(pid_t pid, const struct region_list *regions, struct residency *ret);

#endif
