/* A running process: read while it moves, stopped by ptrace, or frozen (frozen.c). */
#include "image/live.h"
#include "image/freeze.h"
#include "image/frozen.h"
#include "image/pagemap.h"
#include "image/refusal.h"

#include "base/clock.h"
#include "base/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

_Static_assert(sizeof(struct user_regs_struct) == IMAGE_REGS * sizeof(uint64_t), "register layout");
_Static_assert(sizeof(struct user_fpregs_struct) == IMAGE_FPREGS * sizeof(uint64_t), "FXSAVE area");

/* Never process_vm_readv on a frozen copy: it pins the pages it reads, and a pinned page must not
 * be shared with another process, so the kernel copies it first (include/linux/mm.h,
 * gup_must_unshare, since Linux 5.19) and charges the target for it. Reads of the mem file do not
 * pin. */
static int live_read(const struct image *img, uint64_t addr, void *buf, size_t len) {
    const struct live *l = (const struct live *)img;
    struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};
    if (l->frozen && image_has(img, addr, len) < len) {
        frozen_note_missed(l->frozen);
        return -EFAULT;
    }
    if (!l->frozen && process_vm_readv(img->pid, &to, 1, &from, 1, 0) == (ssize_t)len)
        return 0;
    if (l->read_fd >= 0 && pread(l->read_fd, buf, len, (off_t)addr) == (ssize_t)len)
        return 0;
    return -EFAULT;
}

static size_t live_read_prefix(const struct image *img, uint64_t addr, void *buf, size_t len) {
    const struct live *l = (const struct live *)img;
    struct iovec to = {buf, len}, from = {(void *)(uintptr_t)addr, len};
    if (l->frozen && !(len = image_has(img, addr, len)))
        return 0;
    ssize_t got = l->frozen ? 0 : process_vm_readv(img->pid, &to, 1, &from, 1, 0);
    if (got <= 0 && l->read_fd >= 0)
        got = pread(l->read_fd, buf, len, (off_t)addr);
    return got > 0 ? (size_t)got : 0;
}

/* process_vm_readv takes at most IOV_MAX parts a call. */
static int live_read_parts(const struct image *img, const struct image_part *parts, size_t n) {
    enum { MAX = 512 };
    struct iovec to[MAX], from[MAX];
    const struct live *l = (const struct live *)img;
    while (n) {
        size_t k = n < MAX ? n : MAX;
        ssize_t want = 0;
        for (size_t i = 0; i < k; i++) {
            to[i] = (struct iovec){parts[i].buf, parts[i].len};
            from[i] = (struct iovec){(void *)(uintptr_t)parts[i].addr, parts[i].len};
            want += (ssize_t)parts[i].len;
        }
        if (l->frozen || process_vm_readv(img->pid, to, k, from, k, 0) != want)
            for (size_t i = 0; i < k; i++)
                if (live_read(img, parts[i].addr, parts[i].buf, parts[i].len) < 0)
                    return -EFAULT;
        parts += k;
        n -= k;
    }
    return 0;
}

FILE *live_open_proc(const struct live *l, const char *name) {
    int fd = openat(l->proc_fd, name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? NULL : fdopen(fd, "r");
}

static int read_regions(const struct live *l, struct region_list *ret) {
    cleanup_fclose FILE *f = live_open_proc(l, "maps");
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

uint64_t live_kib_in(FILE *f, const char *format) {
    char line[256];
    unsigned long long kib;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, format, &kib) == 1)
            return kib * 1024;
    return 0;
}

uint64_t live_read_kib(const struct live *l, const char *file, const char *format) {
    cleanup_fclose FILE *f = live_open_proc(l, file);
    return live_kib_in(f, format);
}

/* VmRSS is a counter per CPU that may lag by some pages (Linux 6.2 to 6.15, mm_struct.rss_stat);
 * where it differs from the page tables, smaps_rollup counts those anew. */
static uint64_t read_rss(const struct live *l, uint64_t by_page_table) {
    uint64_t rss = live_read_kib(l, "status", "VmRSS: %llu kB");
    if (rss == by_page_table)
        return rss;
    uint64_t exact = live_read_kib(l, "smaps_rollup", "Rss: %llu kB");
    return exact ? exact : rss;
}

bool live_is_filtered(const struct live *l) {
    cleanup_fclose FILE *f = live_open_proc(l, "status");
    char line[256];
    int mode = 0;
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "Seccomp: %d", &mode);
    return mode != 0;
}

void live_read_thread_name(const struct live *l, pid_t tid, char name[16]) {
    char path[64];
    snprintf(path, sizeof path, "task/%d/comm", (int)tid);
    name[0] = 0;
    cleanup_fclose FILE *f = live_open_proc(l, path);
    if (f && fgets(name, 16, f))
        name[strcspn(name, "\n")] = 0;
}

static int add_thread(void *arg, pid_t tid) {
    struct live *l = arg;
    if (l->img.threads.n >= LIMIT_THREADS)
        return -E2BIG;
    struct image_thread t = {.tid = tid};
    live_read_thread_name(l, tid, t.name);
    vec_push(&l->img.threads, t);
    return 0;
}

static void live_release(struct image *img) {
    struct live *l = (struct live *)img;
    if (l->frozen)
        frozen_release(l);
    if (!l->hold.tasks.n)
        return;
    hold_release(&l->hold);
    hold_relax(l->priority);
    img->pause_ns += clock_ns() - l->stopped_at_ns;
    img->kind = IMAGE_LIVE;
}

static void read_registers(struct live *l) {
    l->img.threads.n = 0;
    for (size_t i = 0; i < l->hold.tasks.n; i++) {
        struct image_thread t = {.tid = l->hold.tasks.at[i].tid};
        struct user_regs_struct regs;
        if (ptrace(PTRACE_GETREGS, t.tid, NULL, &regs) == 0) {
            memcpy(t.regs, &regs, sizeof t.regs);
            t.has_regs = true;
        }
        t.has_fpregs = ptrace(PTRACE_GETFPREGS, t.tid, NULL, t.fpregs) == 0;
        live_read_thread_name(l, t.tid, t.name);
        vec_push(&l->img.threads, t);
    }
}

int live_take_regions(struct live *l, struct err *e) {
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
    l->img.has_residency = false;
    return 0;
}

int live_take_picture(struct live *l, struct err *e) {
    int r = live_take_regions(l, e);
    if (r < 0)
        return r;
    r = pagemap_residency(l->img.pid, &l->img.regions, &l->img.residency);
    if (r < 0)
        return refusal_explain(l->img.pid, r, "its page map", e);
    l->img.has_residency = true;
    l->img.kernel_rss = read_rss(l, l->img.residency.total_bytes);
    return 0;
}

static int live_check_alive(const struct image *img, struct err *e) {
    const struct live *l = (const struct live *)img;
    if (l->frozen)
        return frozen_check_alive(l, e);
    cleanup_fclose FILE *f = live_open_proc((const struct live *)img, "statm");
    unsigned long long pages;
    if (f && fscanf(f, "%llu", &pages) == 1 && pages)
        return 0;
    return err_set(e, -ESRCH, "List the processes there are with `memwhy ps`.",
                   "process %d ended while memwhy looked at it", (int)img->pid);
}

int live_stop(struct image *img, struct err *e) {
    struct live *l = (struct live *)img;
    if (l->hold.tasks.n || l->frozen)
        return 0;
    int r = hold_await(&l->hold);
    l->priority = hold_hurry();
    l->stopped_at_ns = clock_ns();
    if (r == 0)
        r = hold_all(&l->hold);
    if (r >= 0) {
        img->kind = IMAGE_STOPPED;
        read_registers(l);
        r = live_take_picture(l, e);
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
    if (!l->hold.tasks.n) {
        hold_release(&l->hold);
        hold_relax(l->priority);
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
    .freeze = live_freeze,
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
    l->read_fd = l->mem_fd;
    l->hold.proc_fd = l->proc_fd;
    return 0;
}

int image_open_live(pid_t pid, struct image **ret, struct err *e) {
    struct live *l = mem_zalloc(sizeof *l);
    l->img.ops = &live_ops;
    l->img.kind = IMAGE_LIVE;
    l->img.pid = pid;
    l->mem_fd = l->proc_fd = l->read_fd = l->hold.proc_fd = -1;
    int r = open_files(l, e);
    if (r < 0) {
        image_free(&l->img);
        return r;
    }
    char exe[LIMIT_NAME];
    ssize_t n = readlinkat(l->proc_fd, "exe", exe, sizeof exe - 1);
    if (n > 0)
        l->img.exe = mem_strndup(exe, (size_t)n);
    hold_each_task(l->proc_fd, add_thread, l);
    image_find_modules(&l->img);
    *ret = &l->img;
    return 0;
}
