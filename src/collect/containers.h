/* The containers a list of processes falls into: those that share a memory cgroup, with what its
 * controller says beside what the processes add up to. */
#ifndef MEMWHY_COLLECT_CONTAINERS_H
#define MEMWHY_COLLECT_CONTAINERS_H

#include "collect/processes.h"
#include "model/cgroup.h"

struct container {
    char *path; /* of the cgroup, as /proc/PID/cgroup says it; "" when that is unknown */
    size_t n_processes;
    uint64_t rss_bytes, pss_bytes, swap_bytes;
    bool pss_known; /* of every process in it */
    bool has_cgroup;
    struct cgroup cgroup;
};

struct containers {
    struct container *at; /* largest RSS first */
    size_t n, cap;
};

void containers_collect(const char *root, const struct process_rows *rows, struct containers *ret);
void containers_done(struct containers *c);

#endif
