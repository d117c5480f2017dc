/* A program that was started beside the watching: in a process group of its own, bounded in time,
 * in what it prints, and in the size of the files it writes. When memwhy dies, SIGKILL included, it
 * is told to end; one that is strange is ended, with all of its group. */
#ifndef MEMWHY_CMD_WATCH_CHILD_H
#define MEMWHY_CMD_WATCH_CHILD_H

#include "base/vec.h"
#include "cmd/watch_exchange.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid;                   /* 0: none */
    int fd;                      /* what it prints; -1: closed */
    uint64_t began_ns, until_ns; /* by the monotonic clock */
    size_t keep;                 /* bytes of what it prints */
    VEC(char) output;            /* ended by NUL once it has ended */
    bool timed_out, told, ended; /* told: SIGTERM was sent */
    int status;                  /* once it has ended: as wait(2) gives it */
    int failed;                  /* it could not be started: an errno */
};

struct child_how {
    const char *path;
    char *const *argv;
    char *const *envp;
    bool strange; /* no command of ours */
    bool errors;  /* what it says on standard error is kept as well */
    uint64_t timeout_ns;
    uint64_t file_bytes; /* of each file it writes, at most; 0: no limit */
    size_t keep;
};

void child_start(struct child *c, const struct child_how *how);
/* True when it has ended, and with it all of its group. Past its time it is told to end, and two
 * seconds later ended. */
bool child_step(struct child *c);
/* Its time is over now. */
void child_hurry(struct child *c);
void child_poll(const struct child *c, struct poll_list *l);
/* Ends it, if it has not ended. */
void child_done(struct child *c);

#endif
