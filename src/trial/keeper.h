/* A program started so that nothing of it can be left behind. Its parent is a process of ours, the
 * keeper, in a session of its own: what the program's descendants leave when they end falls to the
 * keeper (PR_SET_CHILD_SUBREAPER), even what has made itself a daemon, and the keeper kills all of
 * it when it is told to, or when memwhy is no more, SIGKILL included. If the keeper is killed the
 * program goes with it (PR_SET_PDEATHSIG). To be called while memwhy has one thread. */
#ifndef MEMWHY_TRIAL_KEEPER_H
#define MEMWHY_TRIAL_KEEPER_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct keeper_end {
    int status;              /* as wait(2) gives it */
    uint64_t cpu_ns;         /* of the program and what it waited for */
    uint64_t peak_rss_bytes; /* of the largest of them */
};

struct keeper {
    pid_t pid; /* of the program */
    pid_t keeper;
    int fd;
    bool ended; /* the program; then `end` is known */
    struct keeper_end end;
};

struct keeper_program {
    char *const *argv; /* argv[0] is looked up in PATH */
    char *const *envp;
    int output; /* its stdout and stderr; its stdin is /dev/null */
};

/* -errno of the exec, or of what came before, with `e` filled. */
int keeper_start(const struct keeper_program *p, struct keeper *ret, struct err *e);
/* Has the program ended? Waits up to `ms` for it. */
bool keeper_ended(struct keeper *k, int ms);
/* Ends all of it: SIGTERM to the program, and after a second SIGKILL to whatever is left. Also when
 * the program has ended; once. */
void keeper_stop(struct keeper *k);

/* "exited with code 3", "was killed by SIGSEGV": a clause; the caller frees it. */
char *keeper_end_text(const struct keeper_end *end);

#endif
