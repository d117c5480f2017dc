#include "kernel/process_sample.h"
#include "base/mem.h"
#include "kernel/procfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STAT_BYTES = 1024,   /* 52 numbers and a name of at most 64 letters */
    STATUS_BYTES = 8192, /* some 1,500; lists of CPUs and of supplementary groups may be long */
};

int process_files_open(const char *root, pid_t pid, bool keep, struct process_files *ret) {
    struct process_files f = {.dir = -1, .stat = -1, .status = -1};
    f.dir = procfs_open(root, pid, "");
    if (f.dir < 0)
        return f.dir == -ENOENT ? -ESRCH : f.dir;
    if (keep) {
        f.stat = openat(f.dir, "stat", O_RDONLY | O_CLOEXEC);
        f.status = openat(f.dir, "status", O_RDONLY | O_CLOEXEC);
        int error = f.stat < 0 || f.status < 0 ? -errno : 0;
        if (error) {
            process_files_close(&f);
            return error == -ENOENT ? -ESRCH : error;
        }
    }
    *ret = f;
    return 0;
}

void process_files_close(struct process_files *f) {
    const int fds[] = {f->dir, f->stat, f->status};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    *f = (struct process_files){.dir = -1, .stat = -1, .status = -1};
}

/* From the beginning, whether it is kept open or not. */
static ssize_t read_again(int fd, int dir, const char *name, char *buf, size_t size) {
    cleanup_close int opened = fd < 0 ? openat(dir, name, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 && opened < 0 ? -1 : pread(fd < 0 ? opened : fd, buf, size, 0);
    if (n >= 0)
        return n;
    return errno == ENOENT ? -ESRCH : -errno;
}

/* Linux 6.2 and later tell the number of descriptors as the size of /proc/PID/fd. */
static bool fds_by_size(int dir, uint64_t *ret) {
    struct stat st;
    if (fstatat(dir, "fd", &st, 0) < 0 || st.st_size <= 0)
        return false;
    *ret = (uint64_t)st.st_size;
    return true;
}

int process_files_sample(const struct process_files *f, struct sample *ret) {
    char buf[STATUS_BYTES];
    uint64_t fds;
    ssize_t n = read_again(f->stat, f->dir, "stat", buf, STAT_BYTES);
    int r = n < 0 ? (int)n : sample_parse_stat(buf, (size_t)n, ret);
    if (r < 0)
        return r;
    n = read_again(f->status, f->dir, "status", buf, sizeof buf);
    if (n < 0)
        return (int)n;
    sample_parse_status(buf, (size_t)n, ret);
    if (fds_by_size(f->dir, &fds))
        sample_set(ret, SAMPLE_FDS, fds);
    return 0;
}

int process_files_count_fds(const struct process_files *f, uint64_t *ret) {
    int fd = openat(f->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int error = -errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    uint64_t n = 0;
    for (struct dirent *d; (d = readdir(dir));)
        n += d->d_name[0] != '.';
    closedir(dir);
    *ret = n;
    return 0;
}

static uint64_t ns_of_ticks(uint64_t ticks) {
    uint64_t per_s = (uint64_t)sysconf(_SC_CLK_TCK);
    return ticks / per_s * 1000000000u + ticks % per_s * (1000000000u / per_s);
}

int sample_parse_stat(const char *text, size_t len, struct sample *ret) {
    /* Documentation/filesystems/proc.rst, table 1-4: fields are counted from 1 */
    enum { STATE = 3, MINFLT = 10, MAJFLT = 12, UTIME = 14, STIME = 15, THREADS = 20 };
    static const signed char field_of[THREADS + 1] = {
        [MINFLT] = SAMPLE_FAULTS_MINOR, [MAJFLT] = SAMPLE_FAULTS_MAJOR,
        [UTIME] = SAMPLE_CPU_USER_NS,   [STIME] = SAMPLE_CPU_SYSTEM_NS,
        [THREADS] = SAMPLE_THREADS,
    };
    struct sample s = *ret;
    const char *end = text + len, *p = memrchr(text, ')', len); /* names may hold one */
    if (!p || end - p < 4)
        return -EBADMSG;
    if (p[2] == 'Z' || p[2] == 'X')
        return -ESRCH;
    p += 3;
    for (int field = STATE + 1; field <= THREADS; field++) {
        uint64_t v;
        if (p == end || *p++ != ' ')
            return -EBADMSG;
        p += p < end && *p == '-'; /* of the terminal's group, which is not asked for */
        if (!procfs_number(&p, end, &v))
            return -EBADMSG;
        if (field == UTIME || field == STIME)
            v = ns_of_ticks(v);
        if (field_of[field])
            sample_set(&s, field_of[field], v);
    }
    *ret = s;
    return 0;
}

void sample_parse_status(const char *text, size_t len, struct sample *ret) {
    static const struct {
        char key[28];
        unsigned char len;
        unsigned char field;
        bool is_count;
    } keys[] = {
        {"VmSize", 6, SAMPLE_VM_SIZE, false},
        {"VmRSS", 5, SAMPLE_RSS, false},
        {"RssAnon", 7, SAMPLE_RSS_ANON, false},
        {"RssFile", 7, SAMPLE_RSS_FILE, false},
        {"RssShmem", 8, SAMPLE_RSS_SHMEM, false},
        {"VmData", 6, SAMPLE_VM_DATA, false},
        {"VmPTE", 5, SAMPLE_PAGE_TABLES, false},
        {"VmSwap", 6, SAMPLE_SWAP, false},
        {"voluntary_ctxt_switches", 23, SAMPLE_SWITCHES_VOLUNTARY, true},
        {"nonvoluntary_ctxt_switches", 26, SAMPLE_SWITCHES_FORCED, true},
    };
    const char *end = text + len;
    for (const char *line = text, *next; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        next = stop ? stop + 1 : end;
        if (!stop) /* cut off: what it says may be cut, too */
            return;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            const char *p = line + keys[i].len;
            uint64_t v;
            if (stop - line <= keys[i].len || *p != ':' || memcmp(line, keys[i].key, keys[i].len))
                continue;
            p++;
            if (keys[i].is_count ? procfs_number((p += *p == '\t', &p), stop, &v)
                                 : procfs_kib(p, stop, &v))
                sample_set(ret, keys[i].field, v);
            break;
        }
    }
}
