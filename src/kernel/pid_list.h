/* Which processes there are, asked again and again: the directory stays open, nothing of a process
 * is opened. */
#ifndef MEMWHY_KERNEL_PID_LIST_H
#define MEMWHY_KERNEL_PID_LIST_H

#include "base/vec.h"
#include <dirent.h>
#include <stdint.h>
#include <sys/types.h>

struct pid_entry {
    pid_t pid;
    uint64_t inode; /* of its directory: another process never has the same (fs/proc/base.c,
                     * pid_revalidate); the same process may come to have another */
};

struct pid_list {
    DIR *dir;
    VEC(struct pid_entry) list; /* ascending by pid */
};

/* `root` and errors are as in kernel/procfs.h. */
int pid_list_open(const char *root, struct pid_list *ret);
int pid_list_read(struct pid_list *l);
void pid_list_close(struct pid_list *l);

#endif
