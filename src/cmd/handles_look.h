/* What `handles` and `sockets` share: the look at libuv, and the end of the answer. */
#ifndef MEMWHY_CMD_HANDLES_LOOK_H
#define MEMWHY_CMD_HANDLES_LOOK_H

#include "cmd/look.h"

/* Of the target in the arguments. -ENODATA with r->err filled where there is no event loop. */
int handles_look(struct run *r, struct evidence *ret);
/* What every document and text ends with; ends `ev` and returns the exit code. */
int handles_end(struct run *r, struct evidence *ev);

#endif
