#include "snapshot/spool.h"

#include "base/mem.h"
#include "base/write_all.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_MAX = 10 }; /* two numbers of at most 35 bits, 7 to a byte */

int snapshot_spool_open(const char *path, const atomic_bool *cancelled,
                        struct snapshot_spool *ret) {
    const char *slash = strrchr(path, '/');
    cleanup_free char *folder =
        slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup("./");
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) { /* not every file system has files without names */
        cleanup_free char *name = mem_printf("%s.memwhy.XXXXXX", folder);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd < 0)
            return -errno;
        unlink(name);
    }
    ret->fd = fd;
    ret->error = 0;
    ret->cancelled = cancelled;
    ret->at = ret->n = 0;
    ret->left = ret->edges = ret->offset = 0;
    ret->is_read = false;
    return 0;
}

void snapshot_spool_done(struct snapshot_spool *s) {
    close(s->fd);
}

static void flush(struct snapshot_spool *s) {
    if (s->error == 0 && atomic_load(s->cancelled))
        s->error = -EINTR;
    if (s->error == 0)
        s->error = write_all_at(s->fd, s->buf, s->n, s->offset);
    s->offset += s->n;
    s->n = 0;
}

static void put_number(struct snapshot_spool *s, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        s->buf[s->n++] = (uint8_t)(v | 0x80);
    s->buf[s->n++] = (uint8_t)v;
}

void snapshot_spool_put(struct snapshot_spool *s, unsigned kind, uint32_t name, uint32_t to) {
    if (s->n + RECORD_MAX > SNAPSHOT_SPOOL_BYTES)
        flush(s);
    put_number(s, (uint64_t)name << 3 | kind);
    put_number(s, to);
    s->edges++;
}

void snapshot_spool_rewind(struct snapshot_spool *s) {
    if (!s->is_read)
        flush(s);
    s->is_read = true;
    s->at = s->n = 0;
    s->offset = 0;
    s->left = s->edges;
}

/* More bytes behind those that are left of the last ones. */
static void fill(struct snapshot_spool *s) {
    size_t rest = s->n - s->at;
    memmove(s->buf, s->buf + s->at, rest);
    s->at = 0;
    s->n = rest;
    while (s->n < SNAPSHOT_SPOOL_BYTES && s->error == 0) {
        ssize_t got = pread(s->fd, s->buf + s->n, SNAPSHOT_SPOOL_BYTES - s->n, (off_t)s->offset);
        if (got == 0)
            return;
        if (got < 0 && errno != EINTR)
            s->error = -errno;
        if (got > 0) {
            s->n += (size_t)got;
            s->offset += (uint64_t)got;
        }
    }
}

static uint64_t get_number(struct snapshot_spool *s) {
    uint64_t v = 0;
    for (unsigned shift = 0; s->at < s->n && shift < 64; shift += 7) {
        uint8_t byte = s->buf[s->at++];
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return v;
}

bool snapshot_spool_get(struct snapshot_spool *s, unsigned *ret_kind, uint32_t *ret_name,
                        uint32_t *ret_to) {
    if (s->left == 0 || s->error)
        return false;
    if (s->n - s->at < RECORD_MAX)
        fill(s);
    if (s->error == 0 && s->n - s->at < 2)
        s->error = -EIO; /* shorter than it was */
    if (s->error)
        return false;
    uint64_t first = get_number(s);
    *ret_kind = first & 7;
    *ret_name = (uint32_t)(first >> 3);
    *ret_to = (uint32_t)get_number(s);
    s->left--;
    return true;
}
