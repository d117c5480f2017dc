/* /proc/PID/smaps and smaps_rollup: what the kernel says each mapping, or the whole process, uses.
 * Judges nothing. Reading smaps walks the page tables of the target under its mmap lock (about 30
 * ms per GB; rollup half of it), which delays its mmap and munmap calls, not its running code.
 *
 * Kernels differ in the keys they print: what is missing stays unknown, what is new is passed over,
 * and lines that are neither are counted in `malformed` and otherwise ignored. */
#ifndef MEMWHY_KERNEL_SMAPS_H
#define MEMWHY_KERNEL_SMAPS_H

#include "model/region.h"
#include "model/usage.h"
#include <sys/types.h>

struct smaps {
    struct region_list regions;
    struct usage *usages; /* usages[i] is of regions.at[i] */
    size_t cap_usages;
    size_t malformed; /* lines */
};

/* -ENODATA for what has no memory of its own (a kernel thread, a zombie), -E2BIG past
 * LIMIT_REGIONS, otherwise as procfs_open(). On failure there is nothing to free. */
int smaps_read(const char *root, pid_t pid, struct smaps *ret);
/* The same of a text in memory, which needs not end in a NUL; an empty one gives no region. */
int smaps_parse(const char *text, size_t len, struct smaps *ret);
void smaps_done(struct smaps *s);

/* The whole process. -ENOENT on kernels before 4.14, -ENODATA as above. */
int smaps_rollup_read(const char *root, pid_t pid, struct usage *ret);
/* -EBADMSG if no line of it says anything. */
int smaps_rollup_parse(const char *text, size_t len, struct usage *ret);

#endif
