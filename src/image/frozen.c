/* A process forked from outside: it stands still for as long as the fork takes, and the
 * copy-on-write child, which never runs an instruction, is read in its place.
 *
 * V8 marks its pages MADV_DONTFORK since Node 18 (src/base/platform/platform-posix.cc), so a plain
 * fork has no JavaScript heap: the mark is taken off before and put back after, in the same stop.
 * Which mappings have it only smaps tells, which is slow; it is read while the process runs, and
 * held against the process's maps in the stop. What this cannot see: a mapping given back and
 * another made in between, of the same extent, protection and file. If only the new one has the
 * mark, the child lacks it: its reads fault, and the look is taken again. If only the old one had
 * it, the new one keeps a mark it had not, which a later fork without exec would miss; no interface
 * but smaps tells of marks, so that cannot be excluded, only be made a matter of milliseconds.
 *
 * Clean pages of files are in no page table of the child; they are read through its mappings all
 * the same, and which of them are resident is seen in the stop. Which anonymous pages are, the
 * child tells afterwards: to go through all of them takes half as long as the fork.
 *
 * The guard process (guard.h) does what is done to the target. */
#include "image/frozen.h"
#include "base/debug.h"
#include "base/fmt.h"
#include "base/limits.h"
#include "image/dontfork.h"
#include "image/guard.h"
#include "image/headroom.h"
#include "image/pagemap.h"
#include "image/refusal.h"
#include "image/wayback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

_Static_assert((int)GUARD_REGS == (int)IMAGE_REGS, "registers");
_Static_assert((int)GUARD_FPREGS == (int)IMAGE_FPREGS, "registers");

/* How often the mappings may have changed under the scan; after that it is made in the stop. */
enum { SCANS = 3 };

struct frozen {
    struct guard *guard;
    const struct image_freeze_how *how;
    struct dontfork marks;
    atomic_bool missed; /* something left out was to be read */
    pid_t child;
    int child_proc; /* /proc/CHILD */
};

void frozen_note_missed(struct frozen *f) {
    atomic_store(&f->missed, true);
}

static uint64_t child_kib(const struct frozen *f, const char *file, const char *format) {
    int fd = openat(f->child_proc, file, O_RDONLY | O_CLOEXEC);
    cleanup_fclose FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    return live_kib_in(in, format);
}

int frozen_check_alive(const struct live *l, struct err *e) {
    if (child_kib(l->frozen, "status", "VmRSS: %llu kB"))
        return 0;
    return err_set(e, -EAGAIN, "Read it stopped (--freeze=stop).",
                   "the frozen copy of process %d was ended while it was read", (int)l->img.pid);
}

/* --- making it --- */

static int scan_marks(struct live *l) {
    struct frozen *k = l->frozen;
    cleanup_fclose FILE *f = live_open_proc(l, "smaps");
    if (!f)
        return -errno;
    setvbuf(f, NULL, _IOFBF, 1 << 16);
    return dontfork_read(f, k->how->leave_out, k->how->n_leave_out, &k->marks);
}

static int explain_hold(pid_t pid, int error, struct err *e) {
    if (error == -EACCES)
        return err_set(e, -EACCES,
                       "Run memwhy as root of the host, which may suspend the filter, or read it "
                       "with --freeze=stop.",
                       "process %d runs under a seccomp filter, which might end it for the calls "
                       "that make a frozen copy",
                       (int)pid);
    if (error == -ETIMEDOUT || error == -EAGAIN)
        return err_set(e, -EBUSY, "Try again in a moment.",
                       "process %d could not be brought to a halt at a place where it can be "
                       "forked",
                       (int)pid);
    if (error == -ENOEXEC)
        return err_set(e, -ENOTSUP, "Read it with --freeze=stop.",
                       "process %d cannot be forked from outside: it is no ordinary 64-bit "
                       "process with a main thread and a vdso",
                       (int)pid);
    if (error == -EPIPE)
        return err_set(e, -EBUSY, "Try again.",
                       "the supervisor of process %d's frozen copy was ended", (int)pid);
    return refusal_explain(pid, error, "it (ptrace)", e);
}

static int explain_fork(pid_t pid, int error, enum guard_step step, struct err *e) {
    const char *call = step == GUARD_CLONE ? "clone" : "madvise";
    if (error == -ESRCH || error == -EPIPE)
        return explain_hold(pid, error, e);
    if (error == -EAGAIN)
        return err_set(e, -EAGAIN, "Raise pids.max or RLIMIT_NPROC, or read it with --freeze=stop.",
                       "process %d may have no more processes (pids.max of its cgroup, or its "
                       "user's limit), so it cannot be forked",
                       (int)pid);
    if (error == -ENOMEM)
        return err_set(e, -EBUSY, "Read it with --freeze=stop.",
                       "the kernel has not the memory for the page tables of a copy of process %d, "
                       "or does not let it commit more (vm.overcommit_memory)",
                       (int)pid);
    return err_set(e, error, "Read it with --freeze=stop.",
                   "process %d cannot be forked from outside: %s gave %s", (int)pid, call,
                   strerror(-error));
}

static bool is_among(const struct image_range *ranges, size_t n, const struct region *r) {
    for (size_t i = 0; i < n; i++)
        if (ranges[i].start == r->start && ranges[i].end == r->end)
            return true;
    return false;
}

static bool is_lacking(const struct frozen *f, const struct region *r) {
    return is_among(f->marks.lacking.at, f->marks.lacking.n, r);
}

/* Whether the child has what is resident there in its page table (mm/memory.c, vma_needs_copy). */
static bool child_has(const void *arg, const struct region *r) {
    bool anonymous = r->kind == REGION_ANON || r->kind == REGION_HEAP || r->kind == REGION_STACK;
    return anonymous && !r->shared && !is_lacking(arg, r);
}

/* Whether the process is to be asked; of what was left out nobody asks. */
static bool child_lacks(const void *arg, const struct region *r) {
    const struct frozen *f = arg;
    return !child_has(f, r) &&
           !(is_lacking(f, r) && is_among(f->how->leave_out, f->how->n_leave_out, r));
}

/* What the stop shows; -EAGAIN when the scan no longer fits. */
static int look_held(struct live *l, bool last, struct err *e) {
    struct frozen *f = l->frozen;
    int r = live_take_regions(l, e);
    if (r < 0)
        return r;
    l->img.kernel_rss = live_read_kib(l, "status", "VmRSS: %llu kB");
    if (!dontfork_fits(&f->marks, &l->img.regions)) {
        if (!last)
            return -EAGAIN;
        dontfork_done(&f->marks);
        r = scan_marks(l);
        if (r < 0)
            return refusal_explain(l->img.pid, r, "its smaps", e);
    }
    r = pagemap_residency_of(l->img.pid, &l->img.regions, child_lacks, f, &l->img.residency);
    if (r < 0)
        return refusal_explain(l->img.pid, r, "its page map", e);
    size_t n;
    const struct guard_thread *t = guard_threads(f->guard, &n);
    l->img.threads.n = 0;
    for (size_t i = 0; i < n; i++) {
        struct image_thread to = {.tid = t[i].tid, .has_regs = t[i].has_regs};
        memcpy(to.regs, t[i].regs, sizeof to.regs);
        to.has_fpregs = t[i].has_fpregs;
        memcpy(to.fpregs, t[i].fpregs, sizeof to.fpregs);
        live_read_thread_name(l, to.tid, to.name);
        vec_push(&l->img.threads, to);
    }
    return 0;
}

static int open_child(struct live *l) {
    struct frozen *f = l->frozen;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", (int)f->child);
    f->child_proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->child_proc < 0)
        return -errno;
    l->read_fd = openat(f->child_proc, "mem", O_RDONLY | O_CLOEXEC);
    return l->read_fd < 0 ? -errno : 0;
}

/* The kernel's counters may lag (Linux 6.2 to 6.15) by a batch for each processor and kind of page
 * (lib/percpu_counter.c); so far the page tables are believed. */
static uint64_t settle_rss(uint64_t rss, uint64_t by_page_table) {
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    uint64_t n = cpus > 0 ? (uint64_t)cpus : 1, batch = n > 16 ? 2 * n : 32;
    uint64_t off = rss > by_page_table ? rss - by_page_table : by_page_table - rss;
    return off <= 3 * n * batch * PAGE_BYTES ? by_page_table : rss;
}

static int take_residency(struct live *l) {
    struct residency of_child = {0}, both = {0};
    int r =
        pagemap_residency_of(l->frozen->child, &l->img.regions, child_has, l->frozen, &of_child);
    if (r == 0) {
        residency_join(&l->img.residency, &of_child, &both);
        residency_done(&l->img.residency);
        l->img.residency = both;
        l->img.has_residency = true;
        l->img.kernel_rss = settle_rss(l->img.kernel_rss, both.total_bytes);
    }
    residency_done(&of_child);
    return r;
}

static int explain_end(pid_t pid, bool gave_up, uint64_t left_bytes, struct err *e) {
    char left[FMT_MAX];
    const char *hint = "Read it stopped (--freeze=stop), or try again when less is going on.";
    if (gave_up)
        return err_set(
            e, -EBUSY, hint,
            "the frozen copy of process %d was given up: with what is written meanwhile only %s "
            "were left below the limit",
            (int)pid, fmt_bytes(left, left_bytes));
    return err_set(e, -EBUSY, hint, "the frozen copy of process %d was ended by others", (int)pid);
}

/* One stop. -EAGAIN without an explanation: scan again. */
static int attempt(struct live *l, bool last, struct err *e) {
    struct frozen *f = l->frozen;
    dontfork_done(&f->marks);
    int r = scan_marks(l);
    if (r < 0)
        return refusal_explain(l->img.pid, r, "its smaps", e);
    r = guard_hold(f->guard);
    if (r < 0)
        return explain_hold(l->img.pid, r, e);
    int priority = hold_hurry();
    r = look_held(l, last, e);
    hold_relax(priority);
    if (r < 0) {
        guard_let_go(f->guard);
        l->img.pause_ns += guard_pause_ns(f->guard);
        return r;
    }
    enum guard_step step;
    r = guard_fork(f->guard, f->marks.ranges.at, f->marks.ranges.n, &f->child, &step);
    l->img.pause_ns += guard_pause_ns(f->guard);
    l->img.freeze_cost.pause_ns = guard_pause_ns(f->guard);
    debug("image", "left out %zu regions", f->marks.lacking.n);
    debug("image", "held %.3f ms, %.3f ms of it with foreign registers",
          (double)guard_pause_ns(f->guard) / 1e6, (double)guard_window_ns(f->guard) / 1e6);
    if (r < 0)
        return explain_fork(l->img.pid, r, step, e);
    for (size_t i = 0; i < f->marks.lacking.n; i++)
        vec_push(&l->img.left_out, f->marks.lacking.at[i]);
    r = open_child(l);
    if (r == 0)
        r = take_residency(l);
    uint64_t left, taken;
    bool gave_up = guard_gave_up(f->guard, &left, &taken);
    if (r == -ESRCH || r == -ENOENT || (r < 0 && gave_up))
        return explain_end(l->img.pid, gave_up, left, e);
    return r < 0 ? refusal_explain(f->child, r, "the frozen copy", e) : 0;
}

int frozen_make(struct live *l, const struct image_freeze_how *how, struct err *e) {
    struct image *img = &l->img;
    struct wayback way;
    int r = headroom_check(img->pid, e);
    if (r < 0)
        return r;
    r = wayback_find(img, &way);
    if (r < 0)
        return explain_hold(img->pid, r, e);
    struct frozen *f = mem_zalloc(sizeof *f);
    f->child_proc = -1;
    f->how = how;
    r = guard_start(img->pid, l->proc_fd, &way, live_is_filtered(l), &f->guard);
    if (r < 0) {
        free(f);
        return err_set(e, r, "", "the supervisor could not be started: %s", strerror(-r));
    }
    l->frozen = f;
    for (int i = 1; i <= SCANS; i++) {
        struct err why = {0};
        r = attempt(l, i == SCANS, &why);
        if (r >= 0) {
            img->kind = IMAGE_FROZEN;
            return 0;
        }
        if (why.code || i == SCANS) {
            if (e)
                *e = why;
            break;
        }
    }
    frozen_release(l);
    return r;
}

/* --- and letting it go --- */

/* A page that the target has written meanwhile is a copy, and the child alone has the old one:
 * of what is private to the child, that much was charged, and its page tables. */
void frozen_release(struct live *l) {
    struct frozen *f = l->frozen;
    struct image_freeze_cost *cost = &l->img.freeze_cost;
    uint64_t left, taken;
    bool ended = f->child_proc >= 0 && !child_kib(f, "status", "VmRSS: %llu kB");
    bool gave_up = guard_gave_up(f->guard, &left, &taken);
    if (f->child_proc >= 0) {
        cost->extra_bytes = child_kib(f, "smaps_rollup", "Private_Dirty: %llu kB") +
                            child_kib(f, "status", "VmPTE: %llu kB");
        close(f->child_proc);
    }
    if (l->read_fd >= 0 && l->read_fd != l->mem_fd)
        close(l->read_fd);
    l->read_fd = l->mem_fd;
    if (gave_up)
        cost->extra_bytes = taken;
    if (ended)
        explain_end(l->img.pid, gave_up, left, &l->no_fork);
    vec_free(&l->img.left_out);
    l->img.missed_left_out = atomic_load(&f->missed);
    cost->reap_ns = guard_end(f->guard);
    l->img.pause_ns += cost->reap_ns;
    dontfork_done(&f->marks);
    free(f);
    l->frozen = NULL;
    l->img.kind = IMAGE_LIVE;
}
