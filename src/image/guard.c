#include "image/guard.h"

#include "base/clock.h"
#include "base/debug.h"
#include "base/limits.h"
#include "base/mem.h"
#include "image/headroom.h"
#include "image/hold.h"
#include "image/hurry.h"
#include "image/inject.h"
#include "image/orphan.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    RANGES_MAX = 1 << 16, /* vm.max_map_count is 65530 by default */
    SILENCE_MS = 3000,    /* how long a held target waits for memwhy */
    HOLD_TRIES = 100,
    REAP_TRIES = 300,
    GIVE_BACK_TRIES = 300,
    ORPHAN_TRIES = 100,
    CLONE_TRIES = 8,
};
#define HOLD_AGAIN_NS 200000
#define REAP_AGAIN_NS 10000000
#define GIVE_BACK_AGAIN_NS 1000000

/* include/uapi/asm-generic/mman-common.h */
_Static_assert(MADV_DONTFORK == 10 && MADV_DOFORK == 11, "madvise");
/* A call interrupted before it did anything (include/linux/errno.h); fork says so when a signal is
 * pending, which with all of them blocked is SIGSTOP only. */
enum { ERESTARTNOINTR = 513 };

enum { NO_STACK = 8 };

enum {
    OP_HOLD = 'h',
    OP_HOLD_MAIN = 'm',
    OP_FORK = 'f',
    OP_RUN = 'r',
    OP_LET_GO = 'l',
    OP_UNDO = 'u',
    OP_END = 'e'
};

struct message {
    int32_t op, result;
};

/* Shared by memwhy and its supervisor; written by the one whose turn it is. What is to be undone
 * stands here, so that a second supervisor can do it when the first was killed. */
struct board {
    bool calling;          /* the target's main thread is not itself */
    int policy;            /* of it, before (hurry.h) */
    size_t marked;         /* so many ranges have been given the other mark */
    uint64_t cloned_ticks; /* when a child was begun; 0: none was, or its number is known */
    int64_t child_of_them; /* its pid as the target knows it (another pid namespace); 0: reaped */
    size_t n_ranges, n_threads;
    pid_t child;
    enum guard_step step;
    uint64_t pause_ns, reap_ns, window_ns;
    bool gave_up;
    uint64_t left_bytes, taken_bytes;
    uint64_t function, argument; /* of guard_run */
    int bell;
    struct guard_range ranges[RANGES_MAX];
    struct guard_thread threads[LIMIT_THREADS];
};

/* What the supervisor itself knows. */
struct ward {
    pid_t pid;
    int socket;
    struct board *board;
    struct hold hold;
    struct inject inject;
    uint64_t held_at_ns;
    struct headroom headroom; /* while there is a child */
    pid_t child;              /* attached to us; 0: none */
};

struct guard {
    pid_t process;
    int socket;
    struct board *board;
    struct ward ward; /* what a supervisor begins with */
};

/* --- the supervisor: the hold --- */

static void let_go(struct ward *w) {
    if (!w->hold.tasks.n)
        return;
    inject_end(&w->inject);
    w->board->calling = false;
    if (w->inject.met)
        w->hold.tasks.at[0].signal = w->inject.met; /* guard_run holds one thread */
    w->inject.met = 0;
    hold_release(&w->hold);
    w->board->pause_ns = clock_ns() - w->held_at_ns;
    w->board->window_ns = w->inject.window_ns;
}

static void note_registers(struct ward *w) {
    struct board *b = w->board;
    b->n_threads = 0;
    for (size_t i = 0; i < w->hold.tasks.n; i++) {
        struct guard_thread *t = &b->threads[b->n_threads++];
        struct user_regs_struct regs;
        t->tid = w->hold.tasks.at[i].tid;
        t->has_regs = ptrace(PTRACE_GETREGS, t->tid, NULL, &regs) == 0;
        if (t->has_regs)
            memcpy(t->regs, &regs, sizeof t->regs);
        t->has_fpregs = ptrace(PTRACE_GETFPREGS, t->tid, NULL, t->fpregs) == 0;
    }
}

/* The main thread makes the calls. -EAGAIN when it was met with a signal on its way (to go on from
 * there would lose the signal's particulars) or in a restartable sequence. */
static int begin_calls(struct ward *w) {
    w->board->policy = sched_getscheduler(w->pid);
    w->board->calling = true;
    for (size_t i = 0; i < w->hold.tasks.n; i++)
        if (w->hold.tasks.at[i].tid == w->inject.tid)
            return w->hold.tasks.at[i].signal ? -EAGAIN : inject_begin(&w->inject);
    return -ENOEXEC; /* the main thread has ended before the others */
}

static int hold(struct ward *w) {
    for (int tries = 0;; tries++) {
        int r = hold_await(&w->hold);
        if (r < 0)
            return r;
        w->held_at_ns = clock_ns();
        r = hold_all(&w->hold);
        if (r == 0)
            r = begin_calls(w);
        if (r == 0) {
            note_registers(w);
            return 0;
        }
        let_go(w);
        if (r != -EAGAIN || tries >= HOLD_TRIES)
            return r;
        nanosleep(&(struct timespec){0, HOLD_AGAIN_NS}, NULL);
    }
}

/* --- the supervisor: a call of the main thread --- */

/* Whether a stop found it on its way out of the kernel, from waiting for events. */
static bool waits_for_events(const struct user_regs_struct *r) {
    return r->orig_rax == SYS_epoll_wait || r->orig_rax == SYS_epoll_pwait ||
           r->orig_rax == SYS_epoll_pwait2;
}

static int hold_main(struct ward *w) {
    w->held_at_ns = clock_ns();
    int r = hold_one(&w->hold, w->pid);
    if (r == 0)
        r = begin_calls(w);
    if (r == 0 && !waits_for_events(&w->inject.regs))
        r = -EAGAIN;
    if (r == 0)
        note_registers(w);
    else
        let_go(w);
    return r;
}

static int run_function(struct ward *w) {
    const struct board *b = w->board;
    return w->hold.tasks.n ? inject_run(&w->inject, b->function, b->argument, b->bell) : -EPIPE;
}

/* --- the supervisor: the fork --- */

/* madvise walks over holes and says -ENOMEM in the end, having done its work (mm/madvise.c). */
static int advise(struct ward *w, size_t i, bool back) {
    const struct guard_range *g = &w->board->ranges[i];
    uint64_t advice = g->leave_out == back ? MADV_DOFORK : MADV_DONTFORK;
    int64_t ret;
    int r = inject_call(&w->inject, SYS_madvise,
                        (uint64_t[]){g->start, g->end - g->start, advice, 0}, &ret);
    return r < 0 ? r : ret == -ENOMEM ? 0 : (int)ret;
}

/* exit_signal 0: the target gets no SIGCHLD and its waitpid does not see the child. CLONE_FILES:
 * the child holds none of its files open, so that what the target closes is closed. Should it ever
 * run, because the supervisor was killed before it owned the child, it has no stack and ends. */
static int clone_target(struct ward *w) {
    const uint64_t args[4] = {CLONE_FILES, NO_STACK};
    int64_t ret = -ERESTARTNOINTR;
    w->board->cloned_ticks = orphan_clock_ticks();
    for (int i = 0; i < CLONE_TRIES && ret == -ERESTARTNOINTR; i++) {
        int r = inject_call(&w->inject, SYS_clone, args, &ret);
        if (w->inject.child > 0) {
            w->child = w->inject.child;
            w->board->child_of_them = ret > 0 ? ret : 0;
            ptrace(PTRACE_SETOPTIONS, w->child, NULL, (void *)PTRACE_O_EXITKILL);
        }
        if (r < 0)
            return r;
    }
    w->board->cloned_ticks = 0;
    if (ret == -ERESTARTNOINTR)
        return -EAGAIN;
    if (ret < 0)
        return (int)ret;
    if (!w->child)
        return -EIO;
    /* Its first stop, before its first instruction. */
    int status;
    while (waitpid(w->child, &status, __WALL) < 0 && errno == EINTR)
        ;
    hurry_end(w->child, w->inject.policy);
    wayback_clear(&w->inject.trail, w->child);
    return ptrace(PTRACE_SETOPTIONS, w->child, NULL, (void *)PTRACE_O_EXITKILL) < 0 ? -errno : 0;
}

/* Where it is not permitted it stays as likely a victim as before. */
static void set_oom_score(const char *process, const char *score) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/oom_score_adj", process);
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, score, strlen(score)) < 0)
        errno = 0;
}

/* Where memory runs out in the target's cgroup, the copy shall be what is killed. */
static void offer_child(pid_t child) {
    char number[16];
    snprintf(number, sizeof number, "%d", (int)child);
    set_oom_score(number, "1000");
    setpriority(PRIO_PROCESS, (id_t)child, -20); /* so that its end is quick */
}

static int take_marks_back(struct ward *w) {
    int r = 0;
    for (size_t i = 0; i < w->board->marked; i++) {
        int back = advise(w, i, true);
        r = r < 0 ? r : back;
    }
    w->board->marked = 0;
    return r;
}

static int fork_target(struct ward *w) {
    struct board *b = w->board;
    size_t done = 0;
    int r = 0;
    b->step = GUARD_DOFORK;
    if (!w->hold.tasks.n)
        return -EPIPE;
    for (; r == 0 && done < b->n_ranges; done++) {
        b->marked = done + 1;
        r = advise(w, done, false);
    }
    if (r == 0) {
        b->step = GUARD_CLONE;
        r = clone_target(w);
    }
    int back = take_marks_back(w);
    if (back < 0 && back != -ESRCH && r == 0) {
        b->step = GUARD_DONTFORK;
        r = back;
    }
    let_go(w);
    if (w->child) {
        offer_child(w->child);
        headroom_begin(w->pid, &w->headroom);
    }
    b->child = w->child;
    return r;
}

/* --- the supervisor: the end of the child --- */

/* 1 reaped (or nothing to reap), 0 not yet. */
static int reap_held(struct ward *w) {
    int64_t ret = 0;
    int r =
        inject_call(&w->inject, SYS_wait4,
                    (uint64_t[]){(uint64_t)w->board->child_of_them, 0, WNOHANG | __WALL, 0}, &ret);
    return r == -ESRCH || (r == 0 && (ret == w->board->child_of_them || ret == -ECHILD));
}

static int reap_once(struct ward *w) {
    uint64_t began = clock_ns();
    int r = hold_one(&w->hold, w->pid);
    if (r == 0)
        r = begin_calls(w);
    int reaped = r == 0 ? reap_held(w) : r == -ESRCH;
    inject_end(&w->inject);
    w->board->calling = false;
    hold_release(&w->hold);
    w->board->reap_ns += clock_ns() - began;
    return reaped;
}

static void kill_child(struct ward *w) {
    if (!w->child)
        return;
    int status;
    kill(w->child, SIGKILL);
    for (;;) {
        pid_t r = waitpid(w->child, &status, __WALL);
        if ((r < 0 && errno != EINTR) || (r == w->child && !WIFSTOPPED(status)))
            break;
    }
    w->child = 0;
}

static void end_child(struct ward *w) {
    kill_child(w);
    for (int i = 0; w->board->child_of_them && i < REAP_TRIES; i++) {
        if (reap_once(w))
            w->board->child_of_them = 0;
        else
            nanosleep(&(struct timespec){0, REAP_AGAIN_NS}, NULL);
    }
}

/* What a supervisor that was killed left undone. */
static void undo(struct ward *w) {
    struct board *b = w->board;
    if (b->calling)
        hurry_end(w->pid, b->policy);
    b->calling = false;
    if (b->marked && !w->hold.tasks.n && hold(w) == 0) {
        take_marks_back(w);
        let_go(w);
    }
    for (int i = 0; b->cloned_ticks && !b->child_of_them && i < ORPHAN_TRIES; i++) {
        /* A clone that was still under way when we took hold has made its child ours. */
        int status;
        pid_t ours = waitpid(-1, &status, __WALL | WNOHANG);
        if (ours > 0 && WIFSTOPPED(status))
            kill(ours, SIGKILL);
        b->child_of_them = orphan_find(w->pid, b->cloned_ticks);
        nanosleep(&(struct timespec){0, REAP_AGAIN_NS}, NULL);
    }
    b->cloned_ticks = 0;
}

/* --- the supervisor: what the child costs --- */

/* The target is held while its copy goes: what it wrote meanwhile would still be copied, and the
 * last to leave the copy's memory is who reads it, memwhy, which may wait for a processor. A target
 * went over its limit so, with its copy dead already and only itself left to be killed. */
static void give_up(struct ward *w) {
    struct board *b = w->board;
    bool held = hold(w) == 0;
    kill_child(w);
    for (int i = 0; i < GIVE_BACK_TRIES && !headroom_suffices(w->pid, &w->headroom); i++)
        nanosleep(&(struct timespec){0, GIVE_BACK_AGAIN_NS}, NULL);
    if (held && b->child_of_them && reap_held(w))
        b->child_of_them = 0;
    if (held) {
        let_go(w);
        b->reap_ns += b->pause_ns;
    }
    end_child(w);
}

static void watch_child(struct ward *w) {
    struct headroom *h = &w->headroom;
    struct board *b = w->board;
    if (headroom_suffices(w->pid, h))
        return;
    b->left_bytes = h->left_bytes;
    b->taken_bytes = h->begun_bytes > h->left_bytes ? h->begun_bytes - h->left_bytes : 0;
    b->gave_up = true;
    give_up(w);
}

/* --- the supervisor: its life --- */

/* How long memwhy may be silent before something is to be done; -1: as long as it likes. */
static int patience_ms(const struct ward *w) {
    if (w->hold.tasks.n)
        return SILENCE_MS;
    return w->child ? headroom_look_again_ms(&w->headroom) : -1;
}

/* True to go on. */
static bool serve(struct ward *w) {
    struct message m;
    struct pollfd p = {.fd = w->socket, .events = POLLIN};
    int ready = poll(&p, 1, patience_ms(w));
    if (ready < 0 && errno == EINTR)
        return true;
    if (ready == 0 && w->child) {
        watch_child(w);
        return true;
    }
    if (ready <= 0 || recv(w->socket, &m, sizeof m, 0) != sizeof m)
        return false;
    bool on = m.op != OP_END;
    if (m.op == OP_HOLD)
        m.result = hold(w);
    else if (m.op == OP_HOLD_MAIN)
        m.result = hold_main(w);
    else if (m.op == OP_FORK)
        m.result = fork_target(w);
    else if (m.op == OP_RUN)
        m.result = run_function(w);
    else if (m.op == OP_LET_GO)
        let_go(w);
    else if (m.op == OP_UNDO)
        undo(w);
    else
        end_child(w);
    return send(w->socket, &m, sizeof m, MSG_NOSIGNAL) == sizeof m && on;
}

/* Nothing of memwhy's stays open: who reads its output shall see its end. */
static void close_others(int a, int b) {
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(nothing, fd);
    int low = a < b ? a : b, high = a < b ? b : a;
    syscall(SYS_close_range, 3u, (unsigned)low - 1, 0u);
    syscall(SYS_close_range, (unsigned)low + 1, (unsigned)high - 1, 0u);
    syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0u);
}

/* As far as it is permitted: not what is killed when memory runs out, and not what waits for a CPU
 * while the target is held. */
static void protect_self(void) {
    set_oom_score("self", "-1000");
    hold_hurry();
    hurry_begin(0);
}

static _Noreturn void guard_main(struct ward *w) {
    prctl(PR_SET_NAME, "mw-guard");
    signal(SIGCHLD, SIG_DFL); /* where it is ignored nothing is reported */
    setsid();
    protect_self();
    /* memwhy may have been started without some of the first three. */
    w->socket = fcntl(w->socket, F_DUPFD_CLOEXEC, 3);
    w->inject.proc_fd = w->hold.proc_fd = fcntl(w->hold.proc_fd, F_DUPFD_CLOEXEC, 3);
    close_others(w->socket, w->hold.proc_fd);
    while (serve(w))
        ;
    let_go(w);
    end_child(w);
    _exit(0);
}

/* --- memwhy's side --- */

static int tell(struct guard *g, int op) {
    struct message m = {.op = op};
    if (send(g->socket, &m, sizeof m, MSG_NOSIGNAL) != sizeof m)
        return -EPIPE;
    ssize_t n;
    while ((n = recv(g->socket, &m, sizeof m, 0)) < 0 && errno == EINTR)
        ;
    return n == sizeof m ? m.result : -EPIPE;
}

static void guard_free(struct guard *g) {
    if (g->socket >= 0)
        close(g->socket);
    if (g->board != MAP_FAILED)
        munmap(g->board, sizeof *g->board);
    free(g);
}

/* Signals are blocked before the fork, so that none meets the supervisor unprepared. */
static int fork_guard(struct guard *g) {
    int sockets[2];
    sigset_t all, before;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    g->process = fork();
    if (g->process == 0) {
        struct ward w = g->ward;
        close(sockets[0]);
        w.socket = sockets[1];
        guard_main(&w);
    }
    int err = -errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(sockets[1]);
    g->socket = sockets[0];
    return g->process < 0 ? err : 0;
}

int guard_start(pid_t pid, int proc_fd, const struct wayback *way, bool filtered,
                struct guard **ret) {
    struct guard *g = mem_zalloc(sizeof *g);
    g->socket = -1;
    g->board = mmap(NULL, sizeof *g->board, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    g->ward = (struct ward){
        .pid = pid,
        .board = g->board,
        .hold = {.proc_fd = proc_fd},
        .inject = {.pid = pid, .tid = pid, .proc_fd = proc_fd, .way = *way, .filtered = filtered},
    };
    int r = g->board == MAP_FAILED ? -errno : fork_guard(g);
    if (r < 0) {
        guard_free(g);
        return r;
    }
    *ret = g;
    return 0;
}

int guard_hold(struct guard *g) {
    return tell(g, OP_HOLD);
}

const struct guard_thread *guard_threads(const struct guard *g, size_t *ret_n) {
    *ret_n = g->board->n_threads;
    return g->board->threads;
}

int guard_fork(struct guard *g, const struct guard_range *ranges, size_t n, pid_t *ret_child,
               enum guard_step *failed) {
    if (n > RANGES_MAX) {
        guard_let_go(g);
        return -E2BIG;
    }
    if (n) /* of a program without V8 there is none, not even an array */
        memcpy(g->board->ranges, ranges, n * sizeof *ranges);
    g->board->n_ranges = n;
    int r = tell(g, OP_FORK);
    *failed = g->board->step;
    if (r == 0)
        *ret_child = g->board->child;
    return r;
}

int guard_hold_main(struct guard *g) {
    return tell(g, OP_HOLD_MAIN);
}

int guard_run(struct guard *g, uint64_t function, uint64_t argument, int bell) {
    g->board->function = function;
    g->board->argument = argument;
    g->board->bell = bell;
    return tell(g, OP_RUN);
}

int guard_let_go(struct guard *g) {
    return tell(g, OP_LET_GO);
}

uint64_t guard_pause_ns(const struct guard *g) {
    return g->board->pause_ns;
}

uint64_t guard_window_ns(const struct guard *g) {
    return g->board->window_ns;
}

bool guard_gave_up(const struct guard *g, uint64_t *ret_left_bytes, uint64_t *ret_taken_bytes) {
    *ret_left_bytes = g->board->left_bytes;
    *ret_taken_bytes = g->board->taken_bytes;
    return g->board->gave_up;
}

static void wait_for_end(struct guard *g) {
    while (g->process > 0 && waitpid(g->process, NULL, 0) < 0 && errno == EINTR)
        ;
}

uint64_t guard_end(struct guard *g) {
    if (tell(g, OP_END) < 0) { /* killed: another one cleans up */
        wait_for_end(g);
        close(g->socket);
        if (fork_guard(g) < 0 || tell(g, OP_UNDO) < 0)
            debug("image", "what the killed supervisor left could not be undone");
        tell(g, OP_END);
    }
    uint64_t reap_ns = g->board->reap_ns;
    wait_for_end(g);
    guard_free(g);
    return reap_ns;
}
