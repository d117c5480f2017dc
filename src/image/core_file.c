#include "image/core_file.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char hint_core[] =
    "Give a core file: made by `gcore PID`, by the kernel, or `coredumpctl dump`.";

struct magic {
    const char *bytes;
    size_t len;
    const char *name, *tool;
};

static const struct magic packers[] = {
    {"\x1f\x8b", 2, "gzip", "gunzip"},
    {"\xfd"
     "7zXZ",
     5, "xz", "unxz"},
    {"\x04\x22\x4d\x18", 4, "lz4", "unlz4"},
    {"BZh", 3, "bzip2", "bunzip2"},
};

/* A core may be larger than memory, so it is mapped, not read. If it is cut shorter meanwhile, a
 * read raises SIGBUS; nothing that writes cores does that. */
static int map(struct core_file *f, const char *path, struct err *e) {
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return err_set(e, -errno, "", "%s cannot be examined (%s)", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, -EBADMSG, hint_core, "not a core file: %s is a folder", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EBADMSG, "Save the core into a file first.",
                       "not a core file: %s is a pipe, socket or device", path);
    if (st.st_size == 0)
        return err_set(e, -EBADMSG,
                       "A core of 0 bytes is what a full disk or a limit (ulimit -c) leaves.",
                       "not a core file: %s is empty", path);
    f->len = (size_t)st.st_size;
    void *p = mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, f->fd, 0);
    if (p == MAP_FAILED)
        return err_set(e, -errno, "", "%s cannot be mapped (%s)", path, strerror(errno));
    f->map = p;
    return 0;
}

static int unpack(struct core_file *f, const char *path, struct err *e) {
    int fd;
    bool cut;
    int r = core_zstd_unpack(f->map, f->len, path, &fd, &cut, e);
    if (r < 0)
        return r;
    core_file_close(f);
    *f = (struct core_file){.fd = fd, .unpacked = true, .packed_cut = cut};
    struct stat st;
    if (fstat(fd, &st) == 0)
        f->disk_bytes = (uint64_t)st.st_blocks * 512;
    return map(f, path, e);
}

static int refuse_packed(const struct core_file *f, const char *path, struct err *e) {
    for (size_t i = 0; i < sizeof packers / sizeof *packers; i++) {
        const struct magic *m = &packers[i];
        if (f->len < m->len || memcmp(f->map, m->bytes, m->len) != 0)
            continue;
        char hint[128];
        snprintf(hint, sizeof hint, "Unpack it with %s, or pack it with zstd instead.", m->tool);
        return err_set(e, -EBADMSG, hint,
                       "not a core file: %s is packed with %s, which memwhy does not read", path,
                       m->name);
    }
    return 0;
}

int core_file_open(int fd, const char *path, struct core_file *ret, struct err *e) {
    struct core_file f = {.fd = fd};
    int r = map(&f, path, e);
    if (f.map)
        r = core_zstd_is(f.map, f.len) ? unpack(&f, path, e) : refuse_packed(&f, path, e);
    if (r < 0) {
        core_file_close(&f);
        return r;
    }
    *ret = f;
    return 0;
}

void core_file_close(struct core_file *f) {
    if (f->map)
        munmap((void *)f->map, f->len);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct core_file){.fd = -1};
}

void core_file_copy(const struct core_file *f, const uint8_t *from, size_t n, void *to) {
    bool here = from >= f->map && from < f->map + f->len;
    if (!here || pread(f->fd, to, n, (off_t)(from - f->map)) != (ssize_t)n)
        memcpy(to, from, n);
}

uint64_t core_file_next_data(const struct core_file *f, uint64_t offset, uint64_t end,
                             uint64_t *ret_until) {
    *ret_until = end;
    off_t data = lseek(f->fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
        return end;
    if (data < 0 || (uint64_t)data < offset)
        return offset; /* a file system that does not tell */
    if ((uint64_t)data >= end)
        return end;
    off_t hole = lseek(f->fd, data, SEEK_HOLE);
    if (hole > data && (uint64_t)hole < end)
        *ret_until = (uint64_t)hole;
    return (uint64_t)data;
}
