/* What commands that look at a target share: the collection, with a line on stderr when it takes
 * over a second. */
#ifndef MEMWHY_CMD_LOOK_H
#define MEMWHY_CMD_LOOK_H

#include "cmd/cmd.h"
#include "collect/collect.h"

/* collect() for a command: fills r->err on failure. */
int look_at(struct run *r, const char *target, unsigned needs, struct evidence *ret);

#endif
