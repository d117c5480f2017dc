#include "image/capture_sink.h"

#include "base/fmt.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/write_all.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Left free on the disk, so that a capture never breaks whatever else writes to it. */
#define KEEP_FREE (32ull << 20)

struct capture_sink {
    int fd;
    char *path, *temporary, *folder;
    struct capture_packer *packer; /* NULL: plain */
    uint64_t at;
};

int capture_sink_explain(const struct capture_sink *s, int error, struct err *e) {
    const char *hint = "Name a new file in a folder you may write to: -o FILE.";
    if (error == -ENOSPC || error == -EDQUOT || error == -EFBIG)
        hint = "Free some space, write to another disk with -o FILE, or pack it: FILE.zst.";
    return err_set(e, error, hint, "%s could not be written (%s); nothing is left of it", s->path,
                   strerror(-error));
}

static struct capture_sink *new_sink(const char *path) {
    struct capture_sink *s = mem_zalloc(sizeof *s);
    const char *slash = strrchr(path, '/');
    size_t folder_len = slash ? (size_t)(slash - path) + 1 : 0;
    s->fd = -1;
    s->path = mem_strdup(path);
    s->folder = folder_len ? mem_strndup(path, folder_len) : mem_strdup(".");
    s->temporary = mem_printf("%.*s.%s.partial", (int)folder_len, path, path + folder_len);
    return s;
}

static int create(struct capture_sink *s, enum capture_form form, struct err *e) {
    struct stat st;
    if (lstat(s->path, &st) == 0)
        return err_set(e, -EEXIST, "Give another name; files are never overwritten.",
                       "%s is there already", s->path);
    int fd = open(s->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return err_set(e, -EEXIST, "Remove that file if no memwhy is writing it.",
                       "%s is there: a file of this name is being written, or was given up",
                       s->temporary);
    if (fd < 0)
        return err_set(e, -errno, "Name a file in a folder you may write to: -o FILE.",
                       "%s cannot be created (%s)", s->path, strerror(errno));
    s->fd = fd;
    int r = fchmod(fd, 0600) < 0 ? -errno : form ? capture_packer_new(fd, form, &s->packer) : 0;
    return r < 0 ? capture_sink_explain(s, r, e) : 0;
}

int capture_sink_open(const char *path, enum capture_form form, struct capture_sink **ret,
                      struct err *e) {
    struct capture_sink *s = new_sink(path);
    int r = create(s, form, e);
    if (r < 0) {
        capture_sink_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

int capture_sink_check_room(const struct capture_sink *s, uint64_t bytes, struct err *e) {
    struct statvfs v;
    char need[FMT_MAX], have[FMT_MAX];
    if (fstatvfs(s->fd, &v) < 0)
        return 0; /* the writes will tell */
    uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
    if (room >= bytes && room - bytes >= KEEP_FREE)
        return 0;
    return err_set(e, -ENOSPC,
                   "Free some space, write to another disk with -o FILE, or pack it: FILE.zst.",
                   "the capture takes up to %s and %s has %s free", fmt_bytes(need, bytes),
                   s->folder, fmt_bytes(have, room));
}

static bool all_zero(const uint8_t *p, size_t n) {
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Pages of zeros are left out; they read as zeros anyway. */
static int write_sparse(struct capture_sink *s, const uint8_t *p, size_t n) {
    size_t from = 0, at = 0;
    while (at < n) {
        size_t page = n - at < PAGE_BYTES ? n - at : PAGE_BYTES;
        if (all_zero(p + at, page)) {
            int r = write_all_at(s->fd, p + from, at - from, s->at + from);
            if (r < 0)
                return r;
            from = at + page;
        }
        at += page;
    }
    return write_all_at(s->fd, p + from, n - from, s->at + from);
}

uint64_t capture_sink_written(const struct capture_sink *s) {
    return s->packer ? capture_packer_written(s->packer) : s->at;
}

int capture_sink_write(struct capture_sink *s, const uint8_t *p, size_t n) {
    int r = s->packer ? capture_packer_write(s->packer, p, n) : write_sparse(s, p, n);
    if (r == 0)
        s->at += n;
    return r;
}

/* RENAME_NOREPLACE is not known to every file system; a hard link does not replace either. */
static int take_name(struct capture_sink *s) {
    if (renameat2(AT_FDCWD, s->temporary, AT_FDCWD, s->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (link(s->temporary, s->path) < 0)
        return -errno;
    unlink(s->temporary);
    return 0;
}

int capture_sink_finish(struct capture_sink *s, uint64_t *ret_disk_bytes) {
    int r = s->packer ? capture_packer_finish(s->packer) : 0;
    if (r == 0 && !s->packer && ftruncate(s->fd, (off_t)s->at) < 0)
        r = -errno;
    if (r == 0 && fsync(s->fd) < 0)
        r = -errno;
    struct stat st;
    if (r == 0 && fstat(s->fd, &st) < 0)
        r = -errno;
    if (r == 0)
        r = take_name(s);
    if (r < 0)
        return r;
    free(s->temporary);
    s->temporary = NULL;
    *ret_disk_bytes = (uint64_t)st.st_blocks * 512;
    cleanup_close int folder = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        fsync(folder); /* the name too; a folder that cannot be opened keeps it by itself */
    return 0;
}

void capture_sink_free(struct capture_sink *s) {
    if (!s)
        return;
    capture_packer_free(s->packer);
    if (s->fd >= 0) {
        close(s->fd);
        if (s->temporary)
            unlink(s->temporary);
    }
    free(s->temporary);
    free(s->folder);
    free(s->path);
    free(s);
}
