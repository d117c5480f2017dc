/* `memwhy top` on a terminal: the list round by round, keys, and what they open. */
#ifndef MEMWHY_CMD_TOP_SCREEN_H
#define MEMWHY_CMD_TOP_SCREEN_H

#include "cmd/cmd.h"
#include "cmd/top_watch.h"
#include "report/top_rows.h"

/* Until the user leaves. `r` has the options of a look; `order` is how to begin. */
int top_screen_run(struct run *r, struct top_watch *w, const struct top_order *order,
                   uint64_t every_ns);

#endif
