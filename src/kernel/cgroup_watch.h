/* One memory cgroup, read again and again: what changes every moment from files that stay open,
 * its limits now and then. memory.stat, which makes the kernel add up all CPUs, is left out of the
 * frequent reading. */
#ifndef MEMWHY_KERNEL_CGROUP_WATCH_H
#define MEMWHY_KERNEL_CGROUP_WATCH_H

#include "model/sample.h"

struct cgroup_watch;

/* The cgroup of `pid`. -ENODATA when no directory of it can be seen from here. */
int cgroup_watch_new(const char *root, pid_t pid, struct cgroup_watch **ret);
/* Sets the cgroup's fields of the sample; those that cannot be read stay unknown. */
void cgroup_watch_read(struct cgroup_watch *w, struct sample *ret);
/* Limits anew: here and above may they have been changed. `pid` is any process in it. */
void cgroup_watch_renew(struct cgroup_watch *w, const char *root, pid_t pid);
void cgroup_watch_free(struct cgroup_watch *w);

#endif
