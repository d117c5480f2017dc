/* The tasks of a process, held by ptrace. Private to src/image/.
 *
 * PTRACE_SEIZE + PTRACE_INTERRUPT, never PTRACE_ATTACH: no SIGSTOP is sent, a job-control stop the
 * target is in survives, and if the tracer dies the kernel detaches and resumes everything
 * (ptrace(2), "Death under ptrace"). */
#ifndef MEMWHY_IMAGE_HOLD_H
#define MEMWHY_IMAGE_HOLD_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct held {
    pid_t tid;
    int signal; /* arrived while it was being stopped: handed on at the detach */
    bool stopped;
};

struct hold {
    int proc_fd; /* /proc/PID */
    VEC(struct held) tasks;
};

/* Calls `each` for every task of the process; stops at its first error. */
int hold_each_task(int proc_fd, int (*each)(void *arg, pid_t tid), void *arg);

/* Who holds others shall not wait for a CPU meanwhile: raises the priority of this thread, and of
 * those it starts, where that is permitted. Returns what hold_relax puts back. */
int hold_hurry(void);
void hold_relax(int before);

/* Wait, holding nobody, until each task was seen outside of an uninterruptible wait (a vfork that
 * waits for its child, a slow disk): it would not stop, and all others would be held meanwhile.
 * -ETIMEDOUT after a second. */
int hold_await(const struct hold *h);
/* Hold every task. -ETIMEDOUT when one does not stop within a second; what is held then, and after
 * any other error, hold_release lets go. */
int hold_all(struct hold *h);
/* Hold one task. -ESRCH when it has ended. */
int hold_one(struct hold *h, pid_t tid);
void hold_release(struct hold *h);
/* Has the first thread died? Then take the dead of the others: before that the kernel reports it to
 * no tracer (delay_group_leader() in kernel/exit.c). */
void hold_bury(int proc_fd, pid_t first);

#endif
