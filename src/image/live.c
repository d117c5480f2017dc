/* A running process: read while it moves, or stopped by ptrace.
 *
 * The stop is PTRACE_SEIZE + PTRACE_INTERRUPT of every task, never PTRACE_ATTACH: no SIGSTOP is
 * sent, a job-control stop the target is in survives, and if memwhy dies the kernel detaches and
 * resumes everything (ptrace(2), "Death under ptrace"). */
#include "image/backend.h"
#include "image/pagemap.h"
#include "image/refusal.h"

#include "base/limits.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct user_regs_struct) == IMAGE_REGS * sizeof(uint64_t), "register layout");

/* A task that will not stop (uninterruptible sleep, vfork) must not hold all others for longer. */
#define STOP_DEADLINE_NS 1000000000ull

struct held {
    pid_t tid;
    int signal; /* arrived while it was being stopped: handed on at the detach */
    bool stopped;
};

struct live {
    struct image img;
    int proc_fd; /* /proc/PID, so that a recycled pid is noticed */
    int mem_fd;  /* /proc/PID/mem; -1 when process_vm_readv is all we have */
    VEC(struct held) held;
    uint64_t stopped_at_ns;
    struct region_list first_regions; /* of the first look: modules point into its names */
    bool stopped_once;
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int live_read(const struct image *img, uint64_t addr, void *buf, size_t len) {
    const struct live *l = (const struct live *)img;
    struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};
    if (process_vm_readv(img->pid, &to, 1, &from, 1, 0) == (ssize_t)len)
        return 0;
    if (l->mem_fd >= 0 && pread(l->mem_fd, buf, len, (off_t)addr) == (ssize_t)len)
        return 0;
    return -EFAULT;
}

static size_t live_read_prefix(const struct image *img, uint64_t addr, void *buf, size_t len) {
    const struct live *l = (const struct live *)img;
    struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};
    ssize_t got = process_vm_readv(img->pid, &to, 1, &from, 1, 0);
    if (got <= 0 && l->mem_fd >= 0)
        got = pread(l->mem_fd, buf, len, (off_t)addr);
    return got > 0 ? (size_t)got : 0;
}

/* process_vm_readv takes at most IOV_MAX parts a call. */
static int live_read_parts(const struct image *img, const struct image_part *parts, size_t n) {
    enum { MAX = 512 };
    struct iovec to[MAX], from[MAX];
    while (n) {
        size_t k = n < MAX ? n : MAX;
        ssize_t want = 0;
        for (size_t i = 0; i < k; i++) {
            to[i] = (struct iovec){parts[i].buf, parts[i].len};
            from[i] = (struct iovec){(void *)(uintptr_t)parts[i].addr, parts[i].len};
            want += (ssize_t)parts[i].len;
        }
        if (process_vm_readv(img->pid, to, k, from, k, 0) != want)
            for (size_t i = 0; i < k; i++)
                if (live_read(img, parts[i].addr, parts[i].buf, parts[i].len) < 0)
                    return -EFAULT;
        parts += k;
        n -= k;
    }
    return 0;
}

static FILE *open_proc(const struct live *l, const char *name) {
    int fd = openat(l->proc_fd, name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? NULL : fdopen(fd, "r");
}

static int read_regions(const struct live *l, struct region_list *ret) {
    cleanup_fclose FILE *f = open_proc(l, "maps");
    if (!f)
        return -errno;
    setvbuf(f, NULL, _IOFBF, 1 << 16);
    cleanup_free char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, f) > 0) {
        int r = region_list_parse(ret, line);
        if (r == -E2BIG)
            return r;
    }
    return ferror(f) ? -EIO : 0;
}

static uint64_t read_kib(const struct live *l, const char *file, const char *format) {
    cleanup_fclose FILE *f = open_proc(l, file);
    char line[256];
    unsigned long long kib;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, format, &kib) == 1)
            return kib * 1024;
    return 0;
}

/* VmRSS is a counter per CPU that may lag by some pages (Linux 6.2 and later, mm_struct.rss_stat);
 * where it differs from the page tables, smaps_rollup counts those anew. */
static uint64_t read_rss(const struct live *l, uint64_t by_page_table) {
    uint64_t rss = read_kib(l, "status", "VmRSS: %llu kB");
    if (rss == by_page_table)
        return rss;
    uint64_t exact = read_kib(l, "smaps_rollup", "Rss: %llu kB");
    return exact ? exact : rss;
}

static void read_thread_name(const struct live *l, pid_t tid, char name[16]) {
    char path[64];
    snprintf(path, sizeof path, "task/%d/comm", (int)tid);
    name[0] = 0;
    cleanup_fclose FILE *f = open_proc(l, path);
    if (f && fgets(name, 16, f))
        name[strcspn(name, "\n")] = 0;
}

/* Calls `each` for every task; stops at its first error. */
static int for_each_task(const struct live *l, int (*each)(struct live *, pid_t),
                         struct live *arg) {
    int fd = openat(l->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    int r = 0;
    for (struct dirent *de; r >= 0 && (de = readdir(d));) {
        pid_t tid = (pid_t)strtol(de->d_name, NULL, 10);
        if (tid > 0)
            r = each(arg, tid);
    }
    closedir(d);
    return r;
}

static int add_thread(struct live *l, pid_t tid) {
    if (l->img.threads.n >= LIMIT_THREADS)
        return -E2BIG;
    struct image_thread t = {.tid = tid};
    read_thread_name(l, tid, t.name);
    vec_push(&l->img.threads, t);
    return 0;
}

static int seize(struct live *l, pid_t tid) {
    for (size_t i = 0; i < l->held.n; i++)
        if (l->held.at[i].tid == tid)
            return 0;
    if (l->held.n >= LIMIT_THREADS)
        return -E2BIG;
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
        return errno == ESRCH ? 0 : -errno; /* ended since the folder was read */
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    vec_push(&l->held, (struct held){.tid = tid});
    return 0;
}

/* Wait for one task to stop. 1 stopped, 0 it ended, -ETIMEDOUT. */
static int wait_stopped(struct held *h, uint64_t deadline) {
    for (unsigned spin = 0;; spin++) {
        int status;
        pid_t r = waitpid(h->tid, &status, __WALL | WNOHANG);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return 0;
        if (r == h->tid) {
            if (!WIFSTOPPED(status))
                return 0;
            /* An event stop is ours (or job control); anything else is a signal on its way. */
            h->signal = status >> 16 ? 0 : WSTOPSIG(status);
            h->stopped = true;
            return 1;
        }
        if (now_ns() > deadline)
            return -ETIMEDOUT;
        if (spin > 20)
            nanosleep(&(struct timespec){0, 20000}, NULL);
        else
            sched_yield();
    }
}

static int hold_all(struct live *l) {
    uint64_t deadline = now_ns() + STOP_DEADLINE_NS;
    for (size_t done = 0;;) {
        int r = for_each_task(l, seize, l);
        if (r < 0)
            return r;
        if (done == l->held.n)
            return done ? 0 : -ESRCH;
        for (; done < l->held.n; done++) {
            r = wait_stopped(&l->held.at[done], deadline);
            if (r < 0)
                return r;
            if (r == 0) {
                l->held.at[done] = l->held.at[--l->held.n];
                done--;
            }
        }
    }
}

static void live_release(struct image *img) {
    struct live *l = (struct live *)img;
    if (!l->held.n)
        return;
    for (size_t i = 0; i < l->held.n; i++) {
        struct held *h = &l->held.at[i];
        if (ptrace(PTRACE_DETACH, h->tid, NULL, (void *)(intptr_t)h->signal) < 0 && !h->stopped) {
            /* Interrupted but not yet stopped: it must stop once before it can be let go. */
            if (wait_stopped(h, now_ns() + STOP_DEADLINE_NS) == 1)
                ptrace(PTRACE_DETACH, h->tid, NULL, (void *)(intptr_t)h->signal);
        }
    }
    vec_free(&l->held);
    img->pause_ns += now_ns() - l->stopped_at_ns;
    img->kind = IMAGE_LIVE;
}

static void read_registers(struct live *l) {
    l->img.threads.n = 0;
    for (size_t i = 0; i < l->held.n; i++) {
        struct image_thread t = {.tid = l->held.at[i].tid};
        struct user_regs_struct regs;
        if (ptrace(PTRACE_GETREGS, t.tid, NULL, &regs) == 0) {
            memcpy(t.regs, &regs, sizeof t.regs);
            t.has_regs = true;
        }
        read_thread_name(l, t.tid, t.name);
        vec_push(&l->img.threads, t);
    }
}

static int take_picture(struct live *l, struct err *e) {
    struct region_list regions = {0};
    int r = read_regions(l, &regions);
    if (r < 0)
        return refusal_explain(l->img.pid, r, "its memory map", e);
    if (l->stopped_once) {
        region_list_done(&l->img.regions);
    } else {
        l->first_regions = l->img.regions;
        l->stopped_once = true;
    }
    l->img.regions = regions;
    residency_done(&l->img.residency);
    l->img.residency = (struct residency){0};
    l->img.has_residency = false;
    r = pagemap_residency(l->img.pid, &l->img.regions, &l->img.residency);
    if (r < 0)
        return refusal_explain(l->img.pid, r, "its page map", e);
    l->img.has_residency = true;
    l->img.kernel_rss = read_rss(l, l->img.residency.total_bytes);
    return 0;
}

static int live_check_alive(const struct image *img, struct err *e) {
    cleanup_fclose FILE *f = open_proc((const struct live *)img, "statm");
    unsigned long long pages;
    if (f && fscanf(f, "%llu", &pages) == 1 && pages)
        return 0;
    return err_set(e, -ESRCH, "List the processes there are with `memwhy ps`.",
                   "process %d ended while memwhy looked at it", (int)img->pid);
}

static int live_stop(struct image *img, struct err *e) {
    struct live *l = (struct live *)img;
    if (l->held.n)
        return 0;
    l->stopped_at_ns = now_ns();
    int r = hold_all(l);
    if (r >= 0) {
        img->kind = IMAGE_STOPPED;
        read_registers(l);
        r = take_picture(l, e);
        if (r >= 0)
            return 0;
    } else if (r == -ETIMEDOUT) {
        err_set(e, -EBUSY, "Try again in a moment.",
                "process %d could not be stopped within 1 s: one of its threads is in an "
                "uninterruptible wait",
                (int)img->pid);
        r = -EBUSY;
    } else {
        r = refusal_explain(img->pid, r, "it (ptrace)", e);
    }
    live_release(img);
    return r;
}

static bool same_file(int fd, const struct region *r) {
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_ino == r->inode;
}

/* Through the target's own root, so that containers work; /proc/PID/exe and map_files reach files
 * that are deleted or replaced. */
static int live_open_module(const struct image *img, const struct image_module *m) {
    const struct live *l = (const struct live *)img;
    const struct region *r = region_find(&img->regions, m->start);
    char path[LIMIT_NAME + 64];
    if (m->is_exe) {
        int fd = openat(l->proc_fd, "exe", O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    snprintf(path, sizeof path, "root%s", m->path);
    int fd = openat(l->proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && (!r || same_file(fd, r)))
        return fd;
    if (r) {
        snprintf(path, sizeof path, "map_files/%llx-%llx", (unsigned long long)r->start,
                 (unsigned long long)r->end);
        int mapped = openat(l->proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (mapped >= 0) {
            if (fd >= 0)
                close(fd);
            return mapped;
        }
    }
    /* A file of another inode (overlay file systems number differently): the build id decides. */
    return fd >= 0 ? fd : -ENOENT;
}

static void live_free(struct image *img) {
    struct live *l = (struct live *)img;
    region_list_done(&l->first_regions);
    if (l->mem_fd >= 0)
        close(l->mem_fd);
    if (l->proc_fd >= 0)
        close(l->proc_fd);
    free(l);
}

static const struct image_ops live_ops = {
    .read = live_read,
    .read_prefix = live_read_prefix,
    .read_parts = live_read_parts,
    .stop = live_stop,
    .release = live_release,
    .check_alive = live_check_alive,
    .open_module = live_open_module,
    .free = live_free,
};

static int open_files(struct live *l, struct err *e) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", (int)l->img.pid);
    l->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->proc_fd < 0)
        return refusal_explain(l->img.pid, -errno, "it", e);
    int r = refusal_check_process(l->img.pid, e);
    if (r < 0)
        return r;
    r = read_regions(l, &l->img.regions);
    if (r < 0)
        return refusal_explain(l->img.pid, r, "its memory map", e);
    if (!l->img.regions.n)
        return refusal_explain(l->img.pid, -EACCES, "its memory map", e);
    l->mem_fd = openat(l->proc_fd, "mem", O_RDONLY | O_CLOEXEC);
    if (l->mem_fd < 0)
        return refusal_explain(l->img.pid, -errno, "its memory", e);
    return 0;
}

int image_open_live(pid_t pid, struct image **ret, struct err *e) {
    struct live *l = mem_zalloc(sizeof *l);
    l->img.ops = &live_ops;
    l->img.kind = IMAGE_LIVE;
    l->img.pid = pid;
    l->mem_fd = l->proc_fd = -1;
    int r = open_files(l, e);
    if (r < 0) {
        image_free(&l->img);
        return r;
    }
    char exe[LIMIT_NAME];
    ssize_t n = readlinkat(l->proc_fd, "exe", exe, sizeof exe - 1);
    if (n > 0)
        l->img.exe = mem_strndup(exe, (size_t)n);
    for_each_task(l, add_thread, l);
    image_find_modules(&l->img);
    *ret = &l->img;
    return 0;
}
