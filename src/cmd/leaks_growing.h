/* memwhy leaks --growing A B: what grew although it is still reached. */
#ifndef MEMWHY_CMD_LEAKS_GROWING_H
#define MEMWHY_CMD_LEAKS_GROWING_H

#include "cmd/cmd.h"

/* The command's run() for two targets. */
int leaks_growing(struct run *r, const char *a, const char *b);

#endif
