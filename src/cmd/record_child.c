#include "cmd/record_child.h"

#include "base/mem.h"
#include "kernel/process.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANCESTORS_MOST = 64 };

/* In the child: only what may be called after fork(). What memwhy ignores, it does not. */
static void become(const char *const *argv, int tell) {
    signal(SIGXFSZ, SIG_DFL);
    execvp(argv[0], (char *const *)argv);
    int code = errno;
    ssize_t told = write(tell, &code, sizeof code);
    (void)told;
    _exit(127);
}

int record_child_start(const char *const *argv, struct record_child *ret, struct err *e) {
    int ends[2], code = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(e, -errno, "", "%s cannot be started (%s)", argv[0], strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        become(argv, ends[1]);
    int failed = pid < 0 ? errno : 0;
    close(ends[1]);
    /* The pipe ends when the program has begun. */
    if (!failed && read(ends[0], &code, sizeof code) == (ssize_t)sizeof code) {
        failed = code;
        waitpid(pid, NULL, 0);
    }
    close(ends[0]);
    if (failed)
        return err_set(e, -failed, "", "%s cannot be started (%s)", argv[0], strerror(failed));
    *ret = (struct record_child){.pid = pid};
    return 0;
}

bool record_child_ended(struct record_child *c) {
    if (c->pid && !c->ended)
        c->ended = waitpid(c->pid, &c->wait_status, WNOHANG) == c->pid;
    return c->ended;
}

void record_child_stop(struct record_child *c) {
    if (c->pid && !record_child_ended(c))
        kill(c->pid, SIGTERM);
}

int record_child_exit_code(const struct record_child *c) {
    return WIFSIGNALED(c->wait_status) ? 128 + WTERMSIG(c->wait_status)
                                       : WEXITSTATUS(c->wait_status);
}

bool record_child_has(const struct record_child *c, pid_t pid) {
    for (unsigned i = 0; i < ANCESTORS_MOST && pid > 1; i++) {
        struct process p;
        if (pid == c->pid)
            return true;
        if (process_read("", pid, PROCESS_STAT, &p) < 0)
            return false;
        pid = p.ppid;
        process_done(&p);
    }
    return false;
}
