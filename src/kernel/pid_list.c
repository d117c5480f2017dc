#include "kernel/pid_list.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <string.h>

int pid_list_open(const char *root, struct pid_list *ret) {
    cleanup_free char *path = procfs_path(root, 0, "");
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    *ret = (struct pid_list){.dir = dir};
    return 0;
}

static int by_pid(const void *a, const void *b) {
    const struct pid_entry *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

int pid_list_read(struct pid_list *l) {
    bool sorted = true; /* as the kernel lists them; other file systems may not */
    l->list.n = 0;
    rewinddir(l->dir);
    errno = 0;
    for (struct dirent *d; (d = readdir(l->dir));) {
        const char *s = d->d_name;
        uint64_t v;
        if (*s < '0' || *s > '9' || !procfs_number(&s, s + strlen(s), &v) || *s || !v ||
            v > INT32_MAX)
            continue;
        sorted &= !l->list.n || l->list.at[l->list.n - 1].pid < (pid_t)v;
        vec_push(&l->list, (struct pid_entry){(pid_t)v, d->d_ino});
    }
    if (errno)
        return -errno;
    if (!sorted)
        vec_sort(&l->list, by_pid);
    return 0;
}

void pid_list_close(struct pid_list *l) {
    if (l->dir)
        closedir(l->dir);
    vec_free(&l->list);
    l->dir = NULL;
}
