#include "image/hold.h"

#include "base/clock.h"
#include "base/limits.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A task that will not stop (uninterruptible sleep, vfork) must not hold all others for longer. */
#define STOP_DEADLINE_NS 1000000000ull

int hold_each_task(int proc_fd, int (*each)(void *arg, pid_t tid), void *arg) {
    int fd = openat(proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

static int seize(void *arg, pid_t tid) {
    struct hold *h = arg;
    for (size_t i = 0; i < h->tasks.n; i++)
        if (h->tasks.at[i].tid == tid)
            return 0;
    if (h->tasks.n >= LIMIT_THREADS)
        return -E2BIG;
    vec_reserve(&h->tasks, h->tasks.n + 1);
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
        return errno == ESRCH ? 0 : -errno; /* ended since the folder was read */
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    vec_push(&h->tasks, (struct held){.tid = tid});
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
        if (clock_ns() > deadline)
            return -ETIMEDOUT;
        if (spin > 20)
            nanosleep(&(struct timespec){0, 20000}, NULL);
        else
            sched_yield();
    }
}

int hold_hurry(void) {
    int before = getpriority(PRIO_PROCESS, 0);
    setpriority(PRIO_PROCESS, 0, -20);
    return before;
}

void hold_relax(int before) {
    setpriority(PRIO_PROCESS, 0, before);
}

int hold_all(struct hold *h) {
    uint64_t deadline = clock_ns() + STOP_DEADLINE_NS;
    for (size_t done = 0;;) {
        int r = hold_each_task(h->proc_fd, seize, h);
        if (r < 0)
            return r;
        if (done == h->tasks.n)
            return done ? 0 : -ESRCH;
        for (; done < h->tasks.n; done++) {
            r = wait_stopped(&h->tasks.at[done], deadline);
            if (r < 0)
                return r;
            if (r == 0) {
                h->tasks.at[done] = h->tasks.at[--h->tasks.n];
                done--;
            }
        }
    }
}

int hold_one(struct hold *h, pid_t tid) {
    int r = seize(h, tid);
    if (r < 0)
        return r;
    if (!h->tasks.n)
        return -ESRCH;
    r = wait_stopped(&h->tasks.at[0], clock_ns() + STOP_DEADLINE_NS);
    if (r == 0)
        h->tasks.n = 0;
    return r == 0 ? -ESRCH : r < 0 ? r : 0;
}

void hold_release(struct hold *h) {
    for (size_t i = 0; i < h->tasks.n; i++) {
        struct held *t = &h->tasks.at[i];
        if (ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)t->signal) < 0 && !t->stopped) {
            /* Interrupted but not yet stopped: it must stop once before it can be let go. */
            if (wait_stopped(t, clock_ns() + STOP_DEADLINE_NS) == 1)
                ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)t->signal);
        }
    }
    vec_free(&h->tasks);
}
