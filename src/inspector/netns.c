#include "inspector/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_namespace(const char *path, struct stat *ret) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, ret) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* Only the calling thread moves, and nothing of memwhy but the connection is of the network. */
int netns_enter(pid_t pid, int *ret_back, struct err *e) {
    char path[64];
    struct stat own, its;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    int back = open_namespace("/proc/thread-self/ns/net", &own);
    int there = open_namespace(path, &its);
    if (back < 0 || there < 0) {
        int r = there < 0 ? there : back;
        if (back >= 0)
            close(back);
        if (there >= 0)
            close(there);
        return err_set(e, r, "Run memwhy as root, or as the user of the process.",
                       "its network namespace cannot be opened: %s", strerror(-r));
    }
    bool same = own.st_dev == its.st_dev && own.st_ino == its.st_ino;
    int r = same || setns(there, CLONE_NEWNET) == 0 ? 0 : -errno;
    close(there);
    if (r < 0 || same) {
        close(back);
        *ret_back = -1;
    } else {
        *ret_back = back;
    }
    if (r < 0)
        return err_set(e, r, "Run memwhy as root, or inside of that container.",
                       "it has a network of its own (a container), which memwhy may not enter: %s",
                       strerror(-r));
    return 0;
}

void netns_leave(int back) {
    if (back < 0)
        return;
    (void)!setns(back, CLONE_NEWNET); /* it was ours a moment ago */
    close(back);
}
