/* A copy whose maker was killed before it could note the pid. Private to src/image/. */
#ifndef MEMWHY_IMAGE_ORPHAN_H
#define MEMWHY_IMAGE_ORPHAN_H

#include <stdint.h>
#include <sys/types.h>

/* This moment on the clock by which the kernel dates processes. */
uint64_t orphan_clock_ticks(void);
/* The zombie among the children of `pid` that was made since then and announces its end to nobody
 * (exit_signal 0; what programs start themselves says SIGCHLD): its pid as the parent knows it, 0
 * when there is none, or the kernel does not list children (CONFIG_PROC_CHILDREN). */
int64_t orphan_find(pid_t pid, uint64_t since_ticks);

#endif
