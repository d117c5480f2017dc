/* The processes `gc-trace` looks at: those that were named, or all of Node that there are, now and
 * later. */
#ifndef MEMWHY_CMD_GC_WATCH_H
#define MEMWHY_CMD_GC_WATCH_H

#include "base/vec.h"
#include "cmd/cmd.h"
#include "model/sample.h"

struct gc_watch;

/* -ESRCH, -EINVAL: a word that names no process. With no words: all of Node. */
int gc_watch_new(struct run *r, const char *const *pids, size_t n, struct gc_watch **ret);
void gc_watch_free(struct gc_watch *w);

/* What is to be done about those that came and those that went since the last call. */
struct gc_watcher {
    void (*came)(void *ctx, const struct process_id *id);
    void (*gone)(void *ctx, const struct process_id *id);
    void *ctx;
};
/* Returns how many there are now. */
size_t gc_watch_look(struct gc_watch *w, const struct gc_watcher *to);
/* From now on all there are count as new. */
void gc_watch_again(struct gc_watch *w);

#endif
