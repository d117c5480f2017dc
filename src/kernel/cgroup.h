/* The memory controller of the cgroup a process lives in, v1 or v2, on the host or in a container.
 *
 * Finding the directory: /proc/PID/cgroup names a path, and a mount of the hierarchy shows the part
 * of the tree below its own root. Ours are tried first, then the target's through /proc/PID/root
 * (a sidecar or debug container sees the target's path as "/../ID", which only the target's own
 * mount can show), then the usual places. `root` and errors are as in kernel/procfs.h. */
#ifndef MEMWHY_KERNEL_CGROUP_H
#define MEMWHY_KERNEL_CGROUP_H

#include "model/cgroup.h"
#include <sys/types.h>

/* Everything about the cgroup that accounts the memory of `pid`. -ENODATA when no directory of it
 * can be seen from here. The caller ends it with cgroup_done(). */
int cgroup_read(const char *root, pid_t pid, struct cgroup *ret);

/* The files of one directory. `top` (may be NULL) is where the search for limits above it ends. */
int cgroup_read_dir(const char *dir, const char *top, int version, struct cgroup *ret);

/* The machine's own /proc/pressure/memory. -ENOENT or -EOPNOTSUPP without PSI. */
int pressure_read(const char *root, struct pressure *ret);

/* Of the text of /proc/PID/cgroup: the path in the hierarchy that accounts memory, and its version
 * (NULL: not asked). -ENODATA when there is none. The caller frees the path. */
int cgroup_parse_path(const char *text, int *ret_version, char **ret_path);
/* Of the text of a memory.pressure file. -EBADMSG when no line of it says anything. */
int pressure_parse(const char *text, struct pressure *ret);

#endif
