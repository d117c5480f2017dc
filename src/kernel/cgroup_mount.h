/* Which directory shows a cgroup? Mounts against paths. Private to src/kernel/. */
#ifndef MEMWHY_KERNEL_CGROUP_MOUNT_H
#define MEMWHY_KERNEL_CGROUP_MOUNT_H

#include <sys/types.h>

struct cgroup_place {
    char *dir; /* shows the cgroup */
    char *top; /* the mount point: nothing above it can be seen */
};

/* The existing directory for `path` of the hierarchy that holds memory (version 1) or of the
 * unified one (2). -ENODATA when none is to be seen. */
int cgroup_place_find(const char *root, pid_t pid, int version, const char *path,
                      struct cgroup_place *ret);
void cgroup_place_done(struct cgroup_place *p);

/* One line of mountinfo: when it mounts that hierarchy and its root holds `path`, the directory
 * below `prefix`. -ENODATA when it does not, -EBADMSG when it is no such line. */
int cgroup_place_of_mount(const char *line, const char *prefix, int version, const char *path,
                          struct cgroup_place *ret);

#endif
