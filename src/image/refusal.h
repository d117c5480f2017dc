/* Why a process cannot be read, and what grants access. Private to src/image/. */
#ifndef MEMWHY_IMAGE_REFUSAL_H
#define MEMWHY_IMAGE_REFUSAL_H

#include "base/err.h"
#include <sys/types.h>

/* Turn a negative errno met at `what` ("its memory map") of a process into one sentence and a hint;
 * returns the error to pass on (-ESRCH, -EPERM, -EBUSY, -EIO). */
int refusal_explain(pid_t pid, int error, const char *what, struct err *e);

/* 0 when `pid` is a live user process; -ENOTDIR with the reason for a thread id, a kernel thread or
 * a zombie. */
int refusal_check_process(pid_t pid, struct err *e);

#endif
