/* For commands that write a file: a signal to end is a flag that the writing looks at, so that what
 * is interrupted takes its file with it. */
#ifndef MEMWHY_CMD_INTERRUPTED_H
#define MEMWHY_CMD_INTERRUPTED_H

#include <stdatomic.h>

/* From now on SIGINT, SIGTERM and SIGHUP set the flag that is returned, and a file over a limit
 * (ulimit -f) is an error of the write, not the end of us. `flags` are those of sigaction(2):
 * SA_RESTART, or 0 where a read that waits is to be given up. */
const atomic_bool *interrupted_by_signals(int flags);

#endif
