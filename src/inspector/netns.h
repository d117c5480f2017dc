/* The network namespace of another process: sockets are made in the one that the thread is in. */
#ifndef MEMWHY_INSPECTOR_NETNS_H
#define MEMWHY_INSPECTOR_NETNS_H

#include "base/err.h"
#include <sys/types.h>

/* Enter that of `pid`. *ret_back leads back with netns_leave(); -1: it is our own, nothing was
 * done. -EPERM: only root may (CAP_SYS_ADMIN). */
int netns_enter(pid_t pid, int *ret_back, struct err *e);
void netns_leave(int back);

#endif
