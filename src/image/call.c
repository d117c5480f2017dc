#include "image/call.h"

#include "base/clock.h"
#include "image/guard.h"
#include "image/live.h"
#include "image/refusal.h"
#include "image/unwind.h"
#include "image/wayback.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

/* How often the main thread is looked at, and held again after it was held in vain. */
#define LOOK_AGAIN_NS 500000
#define HOLD_AGAIN_NS 5000000

enum { CODE_BYTES = 32, FRAMES_MAX = 4096 };

struct caller {
    struct live *l;
    const struct image_call *call;
    struct guard *guard;
    struct code_map *code;
    uint64_t function;
    int bell;
    struct image_call_cost cost;
};

/* --- before anything is held --- */

/* By the file's symbols, and only if the same code stands in memory. */
static int find_function(struct caller *c, struct err *e) {
    size_t n;
    struct image *img = &c->l->img;
    const struct image_module *m = image_modules(img, &n);
    for (size_t i = 0; i < n; i++) {
        struct elf_file *elf;
        struct elf_symbol s;
        uint8_t want[CODE_BYTES], got[CODE_BYTES];
        if (c->call->module_addr < m[i].start || c->call->module_addr >= m[i].end)
            continue;
        int r = image_module_elf(img, i, &elf, e);
        if (r < 0)
            return r;
        if (elf_file_symbol(elf, c->call->function, &s) < 0)
            break;
        c->function = m[i].bias + s.value;
        if (elf_file_read(elf, s.value, want, sizeof want) == 0 &&
            image_read(img, c->function, got, sizeof got) == 0 &&
            memcmp(want, got, sizeof want) == 0)
            return 0;
        return err_set(e, -ENOTSUP, "", "%s in process %d is not what its file says it is",
                       c->call->function, (int)img->pid);
    }
    return err_set(e, -ENOTSUP, "",
                   "process %d has no %s to call: it is not in the module with the C library's "
                   "data (a static program has only what it uses)",
                   (int)img->pid, c->call->function);
}

/* A signal whose arrival means nothing to the program. */
static int find_bell(const struct live *l) {
    static const int quiet[] = {SIGURG, SIGWINCH};
    cleanup_fclose FILE *f = live_open_proc(l, "status");
    char line[256];
    unsigned long long caught = ~0ull;
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "SigCgt: %llx", &caught);
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++)
        if (!(caught >> (quiet[i] - 1) & 1))
            return quiet[i];
    return 0;
}

/* A shadow stack (x86 CET) knows only returns to where was called from. */
static bool has_shadow_stack(const struct live *l) {
    cleanup_fclose FILE *f = live_open_proc(l, "status");
    char line[256];
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "x86_Thread_features:", 20) == 0 && strstr(line, "shstk"))
            return true;
    return false;
}

static int prepare(struct caller *c, struct wayback *way, struct err *e) {
    pid_t pid = c->l->img.pid;
    int r = find_function(c, e);
    if (r < 0)
        return r;
    c->bell = find_bell(c->l);
    if (wayback_find(&c->l->img, way) < 0 || !way->restorer || has_shadow_stack(c->l))
        return err_set(e, -ENOTSUP, "",
                       "process %d offers no way for a call to return by itself, should memwhy be "
                       "killed meanwhile: it has a shadow stack, or its C library not the "
                       "instructions for it",
                       (int)pid);
    if (!c->bell)
        return err_set(
            e, -ENOTSUP, "",
            "process %d has handlers for SIGURG and SIGWINCH, so there is no signal left "
            "by which the end of a call could be seen",
            (int)pid);
    return 0;
}

/* --- finding the moment --- */

/* "232 0x5 ...": the call a thread waits in (proc(5)). Where the kernel does not say, it is held to
 * see. */
static bool may_be_waiting(const struct live *l) {
    char path[64];
    snprintf(path, sizeof path, "task/%d/syscall", (int)l->img.pid);
    cleanup_fclose FILE *f = live_open_proc(l, path);
    char line[256];
    long number;
    if (!f || !fgets(line, sizeof line, f))
        return true;
    return sscanf(line, "%ld", &number) == 1 &&
           (number == SYS_epoll_wait || number == SYS_epoll_pwait || number == SYS_epoll_pwait2);
}

/* In a signal handler it would be in the middle of what the signal broke into. */
static int check_stack(struct caller *c, struct err *e) {
    struct unwind_frames frames;
    struct image_thread t = {.tid = c->l->img.pid, .has_regs = true};
    size_t n;
    bool handler = false;
    const struct guard_thread *g = guard_threads(c->guard, &n);
    if (n != 1 || !g[0].has_regs)
        return -EAGAIN;
    memcpy(t.regs, g[0].regs, sizeof t.regs);
    unwind_thread(&c->l->img, c->code, NULL, &t, FRAMES_MAX, &frames);
    for (size_t i = 0; i < frames.list.n; i++)
        handler |= frames.list.at[i].signal;
    const char *cut = frames.cut;
    vec_free(&frames.list);
    if (cut)
        return err_set(e, -ENOTSUP, "",
                       "the stack of process %d's main thread cannot be followed to its beginning "
                       "(%s), so nobody knows what it is in the middle of",
                       (int)c->l->img.pid, cut);
    return handler ? -EAGAIN : 0;
}

static int ask(struct caller *c, struct err *e) {
    int r = check_stack(c, e);
    if (r == 0 && c->call->may)
        r = c->call->may(c->call->arg, &c->l->img, e);
    return r;
}

static int explain_hold(const struct caller *c, int error, struct err *e) {
    pid_t pid = c->l->img.pid;
    if (error == -EACCES)
        return err_set(e, -EACCES, "Run memwhy as root of the host, which may suspend the filter.",
                       "process %d runs under a seccomp filter, which might end it for the calls "
                       "that %s makes",
                       (int)pid, c->call->function);
    if (error == -EPIPE)
        return err_set(e, -EIO, "Try again.", "the supervisor of the call was ended");
    if (error == -ETIMEDOUT)
        return err_set(e, -EBUSY, "Is it stopped, or its cgroup frozen? Let it run first.",
                       "the main thread of process %d does not react", (int)pid);
    if (error == -ENOEXEC)
        return err_set(e, -ENOTSUP, "", "process %d is no ordinary 64-bit process", (int)pid);
    return refusal_explain(pid, error, "it (ptrace)", e);
}

static int explain_busy(const struct caller *c, struct err *e) {
    return err_set(e, -EBUSY, "Try again when less is going on, or allow more with --max-wait.",
                   "in %.1f s the main thread of process %d was never found waiting for events; "
                   "anywhere else a call could break into something",
                   (double)c->call->max_wait_ns / 1e9, (int)c->l->img.pid);
}

/* 0 with the main thread held, and all questions answered. */
static int hold(struct caller *c, struct err *e) {
    uint64_t began = clock_ns();
    for (;;) {
        int r = -EAGAIN;
        bool held = false;
        if (may_be_waiting(c->l)) {
            r = guard_hold_main(c->guard);
            c->cost.holds++;
            held = r == 0;
            if (r < 0 && r != -EAGAIN)
                return explain_hold(c, r, e);
        }
        if (held)
            r = ask(c, e);
        c->cost.waited_ns = clock_ns() - began;
        if (r == 0)
            return 0;
        if (held)
            guard_let_go(c->guard);
        if (r != -EAGAIN)
            return r;
        if (c->cost.waited_ns > c->call->max_wait_ns)
            return explain_busy(c, e);
        nanosleep(&(struct timespec){0, held ? HOLD_AGAIN_NS : LOOK_AGAIN_NS}, NULL);
    }
}

/* --- the call --- */

static int explain_run(const struct caller *c, int error, struct err *e) {
    pid_t pid = c->l->img.pid;
    if (error == -ENOTSUP)
        return err_set(e, -ENOTSUP, "",
                       "the main thread of process %d is on a stack that is not its own, or blocks "
                       "signals while it waits; a call could not return by itself",
                       (int)pid);
    if (error == -EIO)
        return err_set(e, -EIO, "", "%s ran into a fault in process %d: its heap is damaged",
                       c->call->function, (int)pid);
    return explain_hold(c, error, e);
}

static uint64_t rss(const struct live *l) {
    return live_read_kib(l, "status", "VmRSS: %llu kB");
}

static int run(struct caller *c, struct err *e) {
    int r = hold(c, e);
    if (r < 0)
        return r;
    c->cost.rss_before = rss(c->l);
    r = guard_run(c->guard, c->function, c->call->argument, c->bell);
    c->cost.rss_after = rss(c->l);
    guard_let_go(c->guard);
    c->cost.pause_ns = guard_pause_ns(c->guard);
    return r < 0 ? explain_run(c, r, e) : 0;
}

int image_call(struct image *img, const struct image_call *call, struct image_call_cost *ret,
               struct err *e) {
    struct caller c = {.l = (struct live *)img, .call = call};
    struct wayback way;
    if (img->kind != IMAGE_LIVE)
        return err_set(e, -ENOTSUP, "Give the id of a running process.",
                       "only a running process can call a function");
    int r = prepare(&c, &way, e);
    if (r < 0)
        return r;
    r = guard_start(img->pid, c.l->proc_fd, &way, live_is_filtered(c.l), &c.guard);
    if (r < 0)
        return err_set(e, r, "", "the supervisor could not be started: %s", strerror(-r));
    c.code = code_map_new(img);
    code_map_open_all(c.code);
    r = run(&c, e);
    code_map_free(c.code);
    guard_end(c.guard);
    if (r == 0)
        *ret = c.cost;
    return r;
}
