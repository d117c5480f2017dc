/* Where a command's result goes: stdout, or a file that is there whole or not at all. */
#ifndef MEMWHY_CMD_OUTPUT_H
#define MEMWHY_CMD_OUTPUT_H

#include "base/err.h"
#include <stdio.h>

struct output {
    FILE *file;
    const char *path; /* NULL: stdout */
    char *temporary;  /* name of the file while it is written; NULL when written in place */
};

/* `path` NULL: stdout. A regular file is written beside its name, mode 0600, and renamed when done;
 * anything else (/dev/null, a pipe) is written in place. */
int output_open(const char *path, struct output *ret, struct err *e);
/* Finish: everything is written, or there is an error that says why not and no file is left. */
int output_commit(struct output *o, struct err *e);
/* Drop what was written to a file. Also after a commit, where it does nothing. */
void output_abandon(struct output *o);

#endif
