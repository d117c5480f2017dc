/* The looks that `memwhy explain` judges by. */
#ifndef MEMWHY_CMD_EXPLAIN_LOOK_H
#define MEMWHY_CMD_EXPLAIN_LOOK_H

#include "cmd/cmd.h"
#include "model/evidence.h"

/* Who holds what and, unless it is to be `quick`, which objects live and what keeps them. A process
 * of which malloc has much in use that is not JavaScript's is looked at once more, for what of it
 * nothing refers to. */
int explain_look(struct run *r, const char *target, bool quick, struct evidence *ret);

/* Two moments of a recording, "F:PID@A..B": what was kept at B, and how it came to that from A on.
 */
int explain_look_back(struct run *r, const char *target, const char *last, struct evidence *ret);

/* That second look alone, where it is called for. */
int explain_look_for_lost(struct run *r, const char *target, struct evidence *ev);

#endif
