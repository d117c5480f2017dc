#include "cmd/watch_child.h"

#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_NS 2000000000ull

static void end_group(int signal) {
    (void)signal;
    kill(0, SIGKILL);
}

/* Between us and a command that knows nothing of us stays a process that ends the group when we
 * die: a signal at the death of a parent reaches one process, not those it started. Returns in the
 * command's. */
static void stand_between(pid_t parent) {
    int status;
    signal(SIGUSR1, end_group);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    if (getppid() != parent)
        _exit(127);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGUSR1, SIG_DFL);
        return;
    }
    if (pid < 0)
        _exit(127);
    signal(SIGTERM, SIG_IGN); /* that is for the command to follow */
    close_range(0, ~0u, 0);   /* its output, and the turn that only one may have */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* In the child: only what may be called between fork and exec. */
static void become(const struct child_how *how, pid_t parent, int output) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    int null = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    if (how->strange)
        stand_between(parent);
    else
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!how->strange && getppid() != parent)
        _exit(127);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(how->errors ? output : null, STDERR_FILENO);
    if (how->file_bytes)
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){how->file_bytes, how->file_bytes});
    execve(how->path, how->argv, how->envp);
    _exit(127);
}

void child_start(struct child *c, const struct child_how *how) {
    int pipes[2];
    *c = (struct child){.fd = -1, .keep = how->keep, .began_ns = clock_ns()};
    c->until_ns = c->began_ns + how->timeout_ns;
    if (pipe2(pipes, O_CLOEXEC) < 0) {
        c->failed = errno;
        c->ended = true;
        return;
    }
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid == 0)
        become(how, parent, pipes[1]);
    if (c->pid < 0) {
        c->failed = errno;
        c->ended = true;
        c->pid = 0;
        close(pipes[0]);
    } else {
        setpgid(c->pid, c->pid); /* whoever is first */
        c->fd = pipes[0];
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
    }
    close(pipes[1]);
}

/* What is over what is kept is read all the same: nobody is to wait for a full pipe. */
static void read_output(struct child *c) {
    char buf[16 << 10];
    ssize_t n;
    while (c->fd >= 0 && (n = read(c->fd, buf, sizeof buf)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* nothing there now */
        for (ssize_t i = 0; i < n && c->output.n < c->keep; i++)
            vec_push(&c->output, buf[i]);
    }
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static void finish(struct child *c) {
    kill(-c->pid, SIGKILL); /* what it left behind of its group */
    read_output(c);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    vec_push(&c->output, '\0');
    c->ended = true;
    c->pid = 0;
}

void child_hurry(struct child *c) {
    if (c->pid && !c->told) {
        kill(-c->pid, SIGTERM);
        c->told = true;
        c->until_ns = clock_ns() + GRACE_NS;
    }
}

bool child_step(struct child *c) {
    if (!c->pid)
        return true;
    read_output(c);
    if (waitpid(c->pid, &c->status, WNOHANG) == c->pid) {
        finish(c);
        return true;
    }
    if (clock_ns() < c->until_ns)
        return false;
    if (c->told) {
        kill(-c->pid, SIGKILL);
    } else {
        c->timed_out = true;
        child_hurry(c);
    }
    return false;
}

void child_poll(const struct child *c, struct poll_list *l) {
    if (c->pid && c->fd >= 0)
        vec_push(&l->list, (struct pollfd){.fd = c->fd, .events = POLLIN});
}

void child_done(struct child *c) {
    if (c->pid) {
        kill(-c->pid, SIGKILL);
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
            ;
        finish(c);
    }
    if (c->fd >= 0 && c->ended)
        close(c->fd);
    vec_free(&c->output);
    *c = (struct child){.fd = -1};
}
