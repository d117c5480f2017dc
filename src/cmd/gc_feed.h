/* Collections as trace/ tells them, for who takes them in rounds (serve/rounds.h). */
#ifndef MEMWHY_CMD_GC_FEED_H
#define MEMWHY_CMD_GC_FEED_H

#include "base/err.h"
#include "serve/rounds.h"

/* Errors are those of gc_events_open(); `ret` then stays as it is. */
int gc_feed_open(struct gc_feed *ret, struct err *e);
/* One that was never opened is fine. */
void gc_feed_close(struct gc_feed *f);

#endif
