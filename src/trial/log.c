#include "trial/log.h"

#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

int log_open(const char *path, struct log *ret, struct err *e) {
    const char *dir = getenv("TMPDIR");
    const int flags = O_RDWR | O_APPEND | O_CLOEXEC;
    int fd;
    if (path) {
        fd = open(path, flags | O_CREAT | O_TRUNC, 0600);
    } else {
        fd = open(dir && *dir ? dir : "/tmp", flags | O_TMPFILE, 0600);
        if (fd < 0) { /* a file system that has no such files (overlayfs of old) */
            cleanup_free char *name = mem_printf("%s/memwhy-XXXXXX", dir && *dir ? dir : "/tmp");
            fd = mkostemp(name, O_APPEND | O_CLOEXEC);
            if (fd >= 0)
                unlink(name);
        }
    }
    if (fd < 0)
        return err_set(e, -errno, "Name a folder you can write to with --logs or TMPDIR.",
                       "no file could be made for the program's output%s%s (%s)", path ? ": " : "",
                       path ? path : "", strerror(errno));
    *ret = (struct log){.fd = fd};
    return 0;
}

void log_close(struct log *l) {
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

bool log_says(struct log *l, const char *text) {
    size_t len = strlen(text), piece = PIECE + len;
    cleanup_free char *buf = mem_alloc(piece);
    bool found = false;
    for (;;) {
        uint64_t from = l->seen > len ? l->seen - len : 0; /* a write may have ended within it */
        ssize_t n = pread(l->fd, buf, piece, (off_t)from);
        if (n <= 0 || from + (uint64_t)n <= l->seen)
            break;
        found = found || memmem(buf, (size_t)n, text, len);
        l->seen = from + (uint64_t)n;
    }
    return found;
}

void log_bound(struct log *l) {
    struct stat st;
    if (fstat(l->fd, &st) < 0 || (uint64_t)st.st_size <= LIMIT_TRIAL_LOG || ftruncate(l->fd, 0) < 0)
        return;
    l->seen = 0;
    l->dropped = true;
}

char *log_tail(const struct log *l, size_t max) {
    struct stat st;
    if (fstat(l->fd, &st) < 0)
        return mem_strdup("");
    off_t from = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
    char *buf = mem_alloc(max + 1);
    ssize_t n = pread(l->fd, buf, max, from);
    buf[n > 0 ? n : 0] = '\0';
    char *line = from ? strchr(buf, '\n') : NULL;
    if (line)
        memmove(buf, line + 1, strlen(line + 1) + 1);
    return buf;
}

char *log_reason(const char *tail) {
    static const char *const telling[] = {"FATAL ERROR", "Fatal JavaScript",
                                          "Error: ", "bad option", "not allowed in"};
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
        const char *at = strstr(tail, telling[i]);
        if (!at)
            continue;
        while (at > tail && at[-1] != '\n')
            at--;
        return mem_strndup(at, strcspn(at, "\n"));
    }
    const char *last = tail;
    size_t n = 0;
    for (const char *at = tail; *at; at += strcspn(at, "\n"), at += *at == '\n')
        if (strcspn(at, "\n") > strspn(at, " \t\r\n")) {
            last = at;
            n = strcspn(at, "\n");
        }
    return mem_strndup(last, n);
}
