#include "cmd/watch_files.h"

#include "base/fmt.h"
#include "base/text.h"
#include "base/vec.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "memwhy-watch-"
#define KEEP_FREE (32ull << 20)
enum { STALE_S = 3600 }; /* what a writer that was killed left */

struct written {
    char *name;
    struct timespec when;
    uint64_t bytes;
};

struct folder {
    int fd;
    VEC(struct written) files; /* the oldest first */
    uint64_t bytes;
};

static int oldest_first(const void *x, const void *y) {
    const struct written *a = x, *b = y;
    if (a->when.tv_sec != b->when.tv_sec)
        return a->when.tv_sec < b->when.tv_sec ? -1 : 1;
    return (a->when.tv_nsec > b->when.tv_nsec) - (a->when.tv_nsec < b->when.tv_nsec);
}

static void list(struct folder *f) {
    int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    time_t now = time(NULL);
    for (struct dirent *x; d && (x = readdir(d));) {
        struct stat st;
        bool partial = strncmp(x->d_name, "." PREFIX, strlen("." PREFIX)) == 0;
        if ((!partial && strncmp(x->d_name, PREFIX, strlen(PREFIX)) != 0) ||
            fstatat(f->fd, x->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
            st.st_uid != geteuid())
            continue;
        if (partial && now - st.st_mtime > STALE_S) {
            unlinkat(f->fd, x->d_name, 0);
            continue;
        }
        f->bytes += (uint64_t)st.st_size;
        if (!partial) /* what is being written is counted, not removed */
            vec_push(&f->files,
                     (struct written){mem_strdup(x->d_name), st.st_mtim, (uint64_t)st.st_size});
    }
    if (d)
        closedir(d);
    vec_sort(&f->files, oldest_first);
}

static int open_folder(const char *path, struct err *e) {
    cleanup_free char *shown = text_printable(path);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_set(e, -errno, "Make it, or name another in the rule.",
                       "the folder %s cannot be made (%s)", shown, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, -errno, "Name another in the rule.",
                       "the folder %s cannot be opened (%s)", shown, strerror(errno));
    return fd;
}

static uint64_t free_bytes(int fd) {
    struct statvfs v;
    if (fstatvfs(fd, &v) < 0)
        return UINT64_MAX;
    uint64_t n = (uint64_t)v.f_bavail * v.f_frsize;
    return n > KEEP_FREE ? n - KEEP_FREE : 0;
}

static int make_room(struct folder *f, uint64_t budget, uint64_t want, struct watch_place *ret,
                     struct err *e) {
    char a[FMT_MAX], b[FMT_MAX];
    uint64_t ours = 0, disk = free_bytes(f->fd);
    for (size_t i = 0; i < f->files.n; i++)
        ours += f->files.at[i].bytes;
    if (want > budget || f->bytes - ours > budget - want)
        return err_set(e, -EFBIG, "Give the rule a larger budget.",
                       "about %s are to be written, and the budget is %s", fmt_bytes(a, want),
                       fmt_bytes(b, budget));
    if (disk < want && disk + ours < want)
        return err_set(e, -ENOSPC, "Free some, or name another folder in the rule.",
                       "about %s are to be written, and the disk has %s", fmt_bytes(a, want),
                       fmt_bytes(b, disk));
    for (size_t i = 0; i < f->files.n && (f->bytes > budget - want || disk < want); i++) {
        const struct written *w = &f->files.at[i];
        if (unlinkat(f->fd, w->name, 0) < 0)
            continue;
        ret->removed++;
        ret->removed_bytes += w->bytes;
        f->bytes -= w->bytes;
        disk += w->bytes;
    }
    if (f->bytes > budget - want)
        return err_set(e, -EFBIG, "Remove some of them.",
                       "the files in the folder cannot be removed, and take all of the budget");
    ret->most_bytes = budget - f->bytes < disk ? budget - f->bytes : disk;
    return 0;
}

/* By time, so that a listing is in order: memwhy-watch-20261122T041500.123Z-4711-rule1.core.zst */
static char *new_path(const char *folder, pid_t pid, unsigned rule, const char *ending) {
    char stamp[32];
    struct tm tm;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm);
    return mem_printf("%s/" PREFIX "%s.%03uZ-%d-rule%u%s", folder, stamp,
                      (unsigned)(now.tv_nsec / 1000000), (int)pid, rule, ending);
}

int watch_files_place(const char *folder, uint64_t budget_bytes, uint64_t want_bytes, pid_t pid,
                      unsigned rule, const char *ending, struct watch_place *ret, struct err *e) {
    struct folder f = {.fd = open_folder(folder, e)};
    if (f.fd < 0)
        return f.fd;
    struct watch_place place = {0};
    list(&f);
    int rc = make_room(&f, budget_bytes, want_bytes, &place, e);
    if (rc == 0) {
        place.path = new_path(folder, pid, rule, ending);
        *ret = place;
    }
    for (size_t i = 0; i < f.files.n; i++)
        free(f.files.at[i].name);
    vec_free(&f.files);
    close(f.fd);
    return rc;
}
