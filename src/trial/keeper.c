#include "trial/keeper.h"

#include "base/clock.h"
#include "base/mem.h"
#include "trial/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, KILLING_MS = 5000 };

/* What the keeper says, a packet each. */
struct word {
    enum { WORD_STARTED, WORD_FAILED, WORD_ENDED } kind;
    pid_t pid; /* WORD_STARTED */
    int error; /* WORD_FAILED */
    struct keeper_end end;
};

/* --- in the keeper --- */

static void say(int fd, const struct word *w) {
    while (send(fd, w, sizeof *w, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

static void close_all_but(int a, int b) {
    int low = a < b ? a : b, high = a < b ? b : a;
    syscall(SYS_close_range, 3u, (unsigned)low - 1, 0u);
    syscall(SYS_close_range, (unsigned)low + 1, (unsigned)high - 1, 0u);
    syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0u);
}

/* `failed` is closed by an exec that succeeds. */
static _Noreturn void become(const struct keeper_program *p, pid_t keeper, int failed) {
    sigset_t none;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &usual, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), error;
    if (getppid() != keeper) /* it died before that was asked for */
        _exit(127);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(p->output, STDOUT_FILENO) < 0 ||
        dup2(p->output, STDERR_FILENO) < 0)
        _exit(126);
    execvpe(p->argv[0], p->argv, p->envp);
    error = errno;
    if (write(failed, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

/* 0 and the pid, or the errno with which it failed. */
static int start_program(const struct keeper_program *p, pid_t *ret) {
    int failed[2], error = 0;
    pid_t keeper = getpid();
    if (pipe2(failed, O_CLOEXEC) < 0)
        return errno;
    pid_t pid = fork();
    if (pid == 0)
        become(p, keeper, failed[1]);
    error = pid < 0 ? errno : 0;
    close(failed[1]);
    if (pid > 0 && read(failed[0], &error, sizeof error) > 0)
        waitpid(pid, NULL, 0);
    close(failed[0]);
    *ret = pid;
    return error;
}

static uint64_t ns_of(const struct timeval *t) {
    return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_usec * 1000;
}

/* Takes leave of whoever has ended; true once the program has. False from `ret_any` when there is
 * nobody left. */
static bool reap(int fd, pid_t program, bool *ret_any) {
    bool gone = false;
    for (;;) {
        int status;
        struct rusage u;
        pid_t pid = wait4(-1, &status, WNOHANG, &u);
        if (pid <= 0) {
            *ret_any = pid == 0;
            return gone;
        }
        if (pid != program)
            continue;
        gone = true;
        say(fd, &(struct word){.kind = WORD_ENDED,
                               .end = {.status = status,
                                       .cpu_ns = ns_of(&u.ru_utime) + ns_of(&u.ru_stime),
                                       .peak_rss_bytes = (uint64_t)u.ru_maxrss * 1024}});
    }
}

/* Until nobody is left, or those who are will not die (a hung mount): the system's to mend. */
static void kill_all(int fd) {
    bool any;
    for (uint64_t began = clock_ns(); clock_ns() - began < KILLING_MS * 1000000ull;) {
        struct pid_list below;
        if (tree_below(getpid(), &below) == 0) {
            for (size_t i = 0; i < below.list.n; i++)
                kill(below.list.at[i], SIGKILL);
            vec_free(&below.list);
        }
        reap(fd, 0, &any);
        if (!any)
            return;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

static void end_politely(int fd, int signals, pid_t program, bool gone) {
    uint64_t until = clock_ns() + PATIENCE_MS * 1000000ull;
    bool any;
    if (!gone)
        kill(program, SIGTERM);
    while (!gone && clock_ns() < until) {
        struct signalfd_siginfo s;
        poll(&(struct pollfd){signals, POLLIN, 0}, 1, 10);
        if (read(signals, &s, sizeof s) < 0 && errno != EAGAIN)
            break;
        gone = reap(fd, program, &any);
    }
    kill_all(fd);
}

static _Noreturn void keep(int fd, const struct keeper_program *p) {
    struct word w = {.kind = WORD_STARTED};
    sigset_t child;
    bool gone = false, any;
    char order;
    setsid(); /* Ctrl-C is memwhy's to hear */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "memwhy-keeper");
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    close_all_but(fd, p->output);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    w.error = start_program(p, &w.pid);
    if (w.error)
        w.kind = WORD_FAILED;
    say(fd, &w);
    if (w.error)
        _exit(0);
    for (;;) {
        struct pollfd on[] = {{fd, POLLIN, 0}, {signals, POLLIN, 0}};
        struct signalfd_siginfo s;
        if (poll(on, 2, -1) < 0 && errno != EINTR)
            break;
        if (on[1].revents && read(signals, &s, sizeof s) > 0)
            gone = reap(fd, w.pid, &any) || gone;
        if (!on[0].revents)
            continue;
        if (recv(fd, &order, 1, 0) == 1) /* else memwhy is no more */
            end_politely(fd, signals, w.pid, gone);
        break;
    }
    kill_all(fd);
    _exit(0);
}

/* --- in memwhy --- */

static int no_start(const struct keeper_program *p, int code, struct err *e) {
    const char *hint = code == -ENOENT   ? "Give the command as you would start it: -- node app.js"
                       : code == -EACCES ? "It must be a program that can be run."
                                         : "";
    return err_set(e, code, hint, "%s could not be started (%s)", p->argv[0], strerror(-code));
}

int keeper_start(const struct keeper_program *p, struct keeper *ret, struct err *e) {
    int fds[2];
    struct word w;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return no_start(p, -errno, e);
    pid_t keeper = fork();
    if (keeper == 0)
        keep(fds[1], p); /* which closes fds[0] too */
    int rc = keeper < 0 ? -errno : 0;
    close(fds[1]);
    if (rc == 0) {
        ssize_t n;
        while ((n = recv(fds[0], &w, sizeof w, 0)) < 0 && errno == EINTR)
            ;
        rc = n != sizeof w ? -EIO : w.kind == WORD_FAILED ? -w.error : 0;
    }
    if (rc < 0) {
        close(fds[0]);
        if (keeper > 0)
            waitpid(keeper, NULL, 0);
        return no_start(p, rc, e);
    }
    *ret = (struct keeper){.pid = w.pid, .keeper = keeper, .fd = fds[0]};
    return 0;
}

bool keeper_ended(struct keeper *k, int ms) {
    struct word w;
    if (!k->ended && poll(&(struct pollfd){k->fd, POLLIN, 0}, 1, ms) > 0) {
        ssize_t n = recv(k->fd, &w, sizeof w, MSG_DONTWAIT);
        if (n == sizeof w && w.kind == WORD_ENDED) {
            k->ended = true;
            k->end = w.end;
        } else if (n == 0) { /* somebody killed the keeper, and so the program */
            k->ended = true;
            k->end = (struct keeper_end){.status = SIGKILL};
        }
    }
    return k->ended;
}

void keeper_stop(struct keeper *k) {
    send(k->fd, "e", 1, MSG_NOSIGNAL);
    while (waitpid(k->keeper, NULL, 0) < 0 && errno == EINTR)
        ;
    close(k->fd);
    k->fd = -1;
}

char *keeper_end_text(const struct keeper_end *end) {
    if (WIFSIGNALED(end->status)) {
        const char *name = sigabbrev_np(WTERMSIG(end->status));
        return mem_printf("was killed by %s%s", name ? "SIG" : "signal ", name ? name : "unknown");
    }
    return mem_printf("exited with code %d", WEXITSTATUS(end->status));
}
