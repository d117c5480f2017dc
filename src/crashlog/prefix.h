/* What others put before the lines of a process: docker-compose and pm2 its name, journald and
 * syslog host and program, kubectl the pod, collectors the time, docker's and containerd's files
 * their own form. The time is dropped; what names the writer is its label, by which interleaved
 * processes are told apart. */
#ifndef MEMWHY_CRASHLOG_PREFIX_H
#define MEMWHY_CRASHLOG_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

enum { PREFIX_LABEL = 96 };

struct prefix {
    char label[PREFIX_LABEL]; /* "web_1", "host1 node[4711]"; "" without one */
    uint64_t pid;             /* that journald or syslog say; 0: none */
    const char *text;         /* what the process wrote, in the line given */
};

/* `line` may be changed: docker's JSON is undone in place. */
void prefix_take(char *line, struct prefix *ret);

#endif
