/* What a capture keeps of /proc/PID and of what is around the process. Not its environment, which
 * may hold passwords. */
#ifndef MEMWHY_COLLECT_PROC_TEXTS_H
#define MEMWHY_COLLECT_PROC_TEXTS_H

#include "base/vec.h"
#include "image/capture.h"

struct proc_texts {
    VEC(struct capture_text) list;
};

/* What cannot be read is not in it. `redacted`: without the process's arguments. */
void proc_texts_read(pid_t pid, bool redacted, struct proc_texts *ret);
void proc_texts_done(struct proc_texts *t);

#endif
