/* The processors of a process (model/cpus.h), from the kernel or from what a capture kept. */
#ifndef MEMWHY_KERNEL_CPUS_H
#define MEMWHY_KERNEL_CPUS_H

#include "model/cgroup.h"
#include "model/cpus.h"
#include <sys/types.h>

/* `memory` is the cgroup that cgroup_read() found, whose directory tells where that of the cpu
 * controller is; NULL: no quota is looked for. -ESRCH and the like when the process is gone. */
int cpus_read(pid_t pid, const struct cgroup *memory, struct cpus *ret);

/* As text, for a capture; the caller frees it. And back: -EBADMSG when it is none. */
char *cpus_to_text(const struct cpus *c);
int cpus_of_text(const char *text, struct cpus *ret);

/* Of the text of cpu.max ("max 100000", "150000 100000"). -ENODATA: no limit. */
int cpus_parse_max(const char *text, double *ret);

#endif
