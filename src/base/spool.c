#include "base/spool.h"

#include "base/mem.h"
#include "base/write_all.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not every file system has files without names. */
static int open_in(const char *folder) {
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    cleanup_free char *name = mem_printf("%s/memwhy.XXXXXX", folder);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

/* /tmp is often in memory. */
int spool_open(struct spool *ret, struct err *e) {
    const char *folders[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
    int fd = -1;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && fd < 0; i++)
        if (folders[i])
            fd = open_in(folders[i]);
    if (fd < 0)
        return err_set(e, -errno, "Set TMPDIR to a folder that can be written to.",
                       "no temporary file can be made, in /var/tmp or /tmp: %s", strerror(errno));
    *ret = (struct spool){.fd = fd};
    return 0;
}

int spool_open_beside(const char *path, struct spool *ret) {
    const char *slash = strrchr(path, '/');
    cleanup_free char *folder =
        slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    int fd = open_in(folder);
    if (fd < 0)
        return -errno;
    *ret = (struct spool){.fd = fd};
    return 0;
}

void spool_close(struct spool *s) {
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    free(s->buf);
    s->buf = NULL;
}

static void flush(struct spool *s) {
    if (s->error == 0)
        s->error = write_all_at(s->fd, s->buf, s->in_hand, s->n - s->in_hand);
    s->in_hand = 0;
}

void spool_put(struct spool *s, const void *p, size_t n) {
    const uint8_t *from = p;
    if (!s->buf)
        s->buf = mem_alloc(SPOOL_BYTES);
    while (n) {
        size_t room = SPOOL_BYTES - s->in_hand, part = n < room ? n : room;
        memcpy(s->buf + s->in_hand, from, part);
        s->in_hand += part;
        s->n += part;
        from += part;
        n -= part;
        if (s->in_hand == SPOOL_BYTES)
            flush(s);
    }
}

int spool_end(struct spool *s, struct err *e) {
    flush(s);
    free(s->buf);
    s->buf = NULL;
    if (s->error < 0)
        return err_set(e, s->error, "Set TMPDIR to a folder with more room.",
                       "the temporary file cannot be written: %s", strerror(-s->error));
    return 0;
}

int spool_read(const struct spool *s, uint64_t at, void *ret, size_t n) {
    uint64_t written = s->n - s->in_hand;
    if (at + n > written) {
        size_t part = at + n > s->n || at > s->n ? SIZE_MAX : (size_t)(at + n - written);
        if (part > s->in_hand)
            return -EIO;
        part = part < n ? part : n;
        memcpy((char *)ret + n - part, s->buf + (size_t)(at + n - part - written), part);
        n -= part;
    }
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(s->fd, (char *)ret + done, n - done, (off_t)(at + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            return -EIO;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
