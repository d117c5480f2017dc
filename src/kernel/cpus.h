/* How many processors a process believes to have, and of how many it gets the time. */
#ifndef MEMWHY_KERNEL_CPUS_H
#define MEMWHY_KERNEL_CPUS_H

#include "model/cgroup.h"
#include <stdbool.h>
#include <sys/types.h>

struct cpus {
    unsigned online;  /* of the machine */
    unsigned allowed; /* that it may run on: what C libraries count */
    bool has_quota;   /* its cgroup, or one above, is given less time than that */
    double quota;     /* in processors */
};

/* `memory` is the cgroup that cgroup_read() found, whose directory tells where that of the cpu
 * controller is; NULL: no quota is looked for. -ESRCH and the like when the process is gone. */
int cpus_read(pid_t pid, const struct cgroup *memory, struct cpus *ret);

/* Of the text of cpu.max ("max 100000", "150000 100000"). -ENODATA: no limit. */
int cpus_parse_max(const char *text, double *ret);

#endif
