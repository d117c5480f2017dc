#include "image/hurry.h"

#include <sched.h>
#include <stdbool.h>

/* Setting the policy alone leaves the nice value and the slice (kernel/sched/syscalls.c,
 * _sched_setscheduler). Never with SCHED_RESET_ON_FORK: to take that back needs a privilege that
 * who has an RLIMIT_RTPRIO may lack. */
int hurry_begin(pid_t tid) {
    const struct sched_param least = {.sched_priority = 1};
    int before = sched_getscheduler(tid), policy = before & ~SCHED_RESET_ON_FORK;
    bool ordinary =
        before >= 0 && (policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE);
    int to = SCHED_FIFO | (before & SCHED_RESET_ON_FORK);
    return ordinary && sched_setscheduler(tid, to, &least) == 0 ? before : HURRY_NOT_CHANGED;
}

void hurry_end(pid_t tid, int before) {
    const struct sched_param none = {0};
    if (before != HURRY_NOT_CHANGED)
        sched_setscheduler(tid, before, &none);
}
