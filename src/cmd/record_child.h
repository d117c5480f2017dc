/* The command that `memwhy record -- COMMAND` starts: a child like any shell's, in the same process
 * group. It is not killed when memwhy is. */
#ifndef MEMWHY_CMD_RECORD_CHILD_H
#define MEMWHY_CMD_RECORD_CHILD_H

#include "base/err.h"
#include <stdbool.h>
#include <sys/types.h>

struct record_child {
    pid_t pid; /* 0: there is none */
    bool ended;
    int wait_status; /* waitpid()'s, once it ended */
};

/* -ENOENT, -EACCES, ... when it cannot be started. */
int record_child_start(const char *const *argv, struct record_child *ret, struct err *e);
/* Has it ended by now? Never waits. */
bool record_child_ended(struct record_child *c);
/* Ask it to end. */
void record_child_stop(struct record_child *c);
/* What a shell would make of how it ended: its exit status, or 128 and the signal. */
int record_child_exit_code(const struct record_child *c);
/* Is that process the child, or one that descends from it? */
bool record_child_has(const struct record_child *c, pid_t pid);

#endif
