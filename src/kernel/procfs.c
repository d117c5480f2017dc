#include "kernel/procfs.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *procfs_path(const char *root, pid_t pid, const char *name) {
    return pid ? mem_printf("%s/proc/%d/%s", root, (int)pid, name)
               : mem_printf("%s/proc/%s", root, name);
}

/* A file that is not there means either an older kernel or a process that has gone. */
static int missing_error(const char *root, pid_t pid, int error) {
    if (error != -ENOENT || !pid)
        return error;
    cleanup_free char *dir = procfs_path(root, pid, "");
    return access(dir, F_OK) ? -ESRCH : -ENOENT;
}

int procfs_open(const char *root, pid_t pid, const char *name) {
    cleanup_free char *path = procfs_path(root, pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : missing_error(root, pid, -errno);
}

static int read_whole(int fd, size_t max, char **ret, size_t *ret_len) {
    size_t len = 0, cap = 4096;
    char *buf = mem_alloc(cap + 1);
    for (;;) {
        ssize_t got = read(fd, buf + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int error = got < 0 ? -errno : 0;
            if (error) {
                free(buf);
                return error;
            }
            break;
        }
        len += (size_t)got;
        if (len > max) {
            free(buf);
            return -E2BIG;
        }
        if (len == cap) {
            cap *= 2;
            buf = mem_grow(buf, cap + 1, 1);
        }
    }
    buf[len] = '\0';
    *ret = buf;
    *ret_len = len;
    return 0;
}

int procfs_read_path(const char *path, size_t max, char **ret, size_t *ret_len) {
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : read_whole(fd, max, ret, ret_len);
}

int procfs_read(const char *root, pid_t pid, const char *name, size_t max, char **ret,
                size_t *ret_len) {
    cleanup_close int fd = procfs_open(root, pid, name);
    return fd < 0 ? fd : read_whole(fd, max, ret, ret_len);
}

int procfs_link(const char *root, pid_t pid, const char *name, char **ret) {
    char buf[4097];
    cleanup_free char *path = procfs_path(root, pid, name);
    ssize_t n = readlink(path, buf, sizeof buf - 1);
    if (n < 0)
        return missing_error(root, pid, -errno);
    *ret = mem_strndup(buf, (size_t)n);
    return 0;
}

bool procfs_number(const char **p, const char *end, uint64_t *ret) {
    const char *s = *p;
    uint64_t v = 0;
    for (; s < end && *s >= '0' && *s <= '9'; s++) {
        uint64_t digit = (uint64_t)(*s - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (s == *p)
        return false;
    *p = s;
    *ret = v;
    return true;
}

bool procfs_kib(const char *p, const char *end, uint64_t *ret_bytes) {
    uint64_t kib;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (!procfs_number(&p, end, &kib) || kib > UINT64_MAX / 1024)
        return false;
    if (end - p != 3 || memcmp(p, " kB", 3) != 0)
        return false;
    *ret_bytes = kib * 1024;
    return true;
}
