#include "image/hold.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A task that will not stop (uninterruptible sleep, vfork) must not hold all others for longer. */
#define STOP_DEADLINE_NS 1000000000ull
/* Left attached it would stop with nobody to let it go, and could not be seized again. */
#define RELEASE_DEADLINE_NS 10000000000ull
#define AWAIT_AGAIN_NS 500000

enum { BURY_AFTER = 64 }; /* looks */

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

/* Documentation/filesystems/proc.rst: the state stands behind the name, which may hold anything. */
static char task_state(int proc_fd, pid_t tid) {
    char path[64], text[256];
    snprintf(path, sizeof path, "task/%d/stat", (int)tid);
    cleanup_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] ? name_end[2] : 0;
}

static int seize(void *arg, pid_t tid) {
    struct hold *h = arg;
    for (size_t i = 0; i < h->tasks.n; i++)
        if (h->tasks.at[i].tid == tid)
            return 0;
    if (h->tasks.n >= LIMIT_THREADS)
        return -E2BIG;
    vec_reserve(&h->tasks, h->tasks.n + 1);
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
        int err = errno;
        /* Ended since the folder was read, or before and nobody has waited for it. */
        return err == ESRCH || task_state(h->proc_fd, tid) == 'Z' ? 0 : -err;
    }
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    vec_push(&h->tasks, (struct held){.tid = tid});
    return 0;
}

struct burial {
    int proc_fd;
    pid_t first;
};

static int bury(void *arg, pid_t tid) {
    const struct burial *b = arg;
    if (tid != b->first && task_state(b->proc_fd, tid) == 'Z')
        waitpid(tid, NULL, __WALL | WNOHANG);
    return 0;
}

void hold_bury(int proc_fd, pid_t first) {
    if (task_state(proc_fd, first) == 'Z')
        hold_each_task(proc_fd, bury, &(struct burial){proc_fd, first});
}

/* Wait for one task to stop. 1 stopped, 0 it ended, -ETIMEDOUT. */
static int wait_stopped(int proc_fd, struct held *h, uint64_t deadline) {
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
        if (spin % BURY_AFTER == BURY_AFTER - 1)
            hold_bury(proc_fd, h->tid);
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

struct await {
    int proc_fd;
    uint64_t deadline;
};

static int await_task(void *arg, pid_t tid) {
    const struct await *a = arg;
    while (task_state(a->proc_fd, tid) == 'D') {
        if (clock_ns() > a->deadline)
            return -ETIMEDOUT;
        nanosleep(&(struct timespec){0, AWAIT_AGAIN_NS}, NULL);
    }
    return 0;
}

int hold_await(const struct hold *h) {
    struct await a = {h->proc_fd, clock_ns() + STOP_DEADLINE_NS};
    return hold_each_task(h->proc_fd, await_task, &a);
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
            r = wait_stopped(h->proc_fd, &h->tasks.at[done], deadline);
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
    r = wait_stopped(h->proc_fd, &h->tasks.at[0], clock_ns() + STOP_DEADLINE_NS);
    if (r == 0)
        h->tasks.n = 0;
    return r == 0 ? -ESRCH : r < 0 ? r : 0;
}

static bool detach(const struct held *t) {
    return ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)t->signal) == 0;
}

/* One that was interrupted but has not stopped must stop once before it can be let go; the others
 * do not wait for that. */
void hold_release(struct hold *h) {
    for (size_t i = 0; i < h->tasks.n; i++)
        if (h->tasks.at[i].stopped)
            detach(&h->tasks.at[i]);
    for (size_t i = 0; i < h->tasks.n; i++)
        if (!h->tasks.at[i].stopped &&
            wait_stopped(h->proc_fd, &h->tasks.at[i], clock_ns() + RELEASE_DEADLINE_NS) == 1)
            detach(&h->tasks.at[i]);
    vec_free(&h->tasks);
}
