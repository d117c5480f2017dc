/* System calls made by a held thread of the target in our place. Private to src/image/.
 *
 * The thread's registers and signal mask are saved by inject_begin; from the first inject_call all
 * its signals are blocked, so that they stay pending instead of being swallowed by stops in the
 * middle, and it need not wait for a processor (hurry.h); inject_end puts all back, whole. The
 * `syscall` instruction is one of its own vdso. Nothing is written to the target's memory but what
 * would lead the thread back without us (wayback.h), below what is in use of its stack. */
#ifndef MEMWHY_IMAGE_INJECT_H
#define MEMWHY_IMAGE_INJECT_H

#include "image/wayback.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct inject {
    pid_t pid, tid;
    int proc_fd;        /* /proc/PID */
    struct wayback way; /* where `syscall` stands in the target, and what follows it */
    bool filtered;      /* it runs under seccomp: only with the filter suspended */

    bool begun, taken, ended;
    bool lost;                       /* a function ended in a fault: where it stands it stays */
    int met;                         /* a signal that inject_run found on its way: for the detach */
    uint64_t taken_at_ns, window_ns; /* with foreign registers or signal mask: the last one */
    struct user_regs_struct regs;
    uint64_t mask;
    struct wayback_trail trail; /* what was written to its stack */
    int policy;                 /* of hurry_begin */
    pid_t child;                /* made by the last call, attached; in our pid namespace */
};

/* For a thread that is held, and stopped by the hold itself (not by a signal on its way).
 * -EAGAIN: in the middle of a restartable sequence; -EACCES: a seccomp filter that may not be
 * suspended; -ENOEXEC: not 64-bit code; -ESRCH it has ended. */
int inject_begin(struct inject *in);
/* 0 with what the kernel returned in *ret; -ESRCH when the thread has ended; -ENOEXEC
 * when there is no `syscall` where it should be. */
int inject_call(struct inject *in, long number, const uint64_t args[4], int64_t *ret);
/* Run a function of the target to its end; no call may have been made before. It returns home by
 * the way that wayback.h lays, with or without us, so that a supervisor killed meanwhile is
 * nothing to the target; what tells us of its return is `bell`, a signal that the program neither
 * catches nor blocks and that by default is ignored, which waits for the mask to be lifted.
 * -ENOTSUP where there is no way back, or the bell is blocked; -EIO when the function did not get
 * there (a fault, which is then the program's own); else as inject_call. */
int inject_run(struct inject *in, uint64_t function, uint64_t argument, int bell);
/* Idempotent. The thread stays held. */
void inject_end(struct inject *in);

#endif
