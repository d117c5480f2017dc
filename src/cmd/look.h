/* What commands that look at a target share: the collection, with a line on stderr when it takes
 * over a second. */
#ifndef MEMWHY_CMD_LOOK_H
#define MEMWHY_CMD_LOOK_H

#include "cmd/cmd.h"
#include "collect/collect.h"

/* The options of every command that reads a process standing still, for its table. */
#define LOOK_OPT_FREEZE                                                                            \
    {                                                                                              \
        "freeze", 0, OPT_STRING, "HOW",                                                            \
            "fork: read a copy while the process runs on; stop: hold it; auto (default)"           \
    }
#define LOOK_OPT_MAX_PAUSE                                                                         \
    { "max-pause", 0, OPT_DURATION, "TIME", "hold the process for at most this long (1s)" }

/* What they say; read_ns_per_mib is the caller's to know. -EINVAL with r->err filled. */
int look_freeze_how(struct run *r, struct image_freeze_how *ret);

/* collect() for a command: fills r->err on failure. */
int look_at(struct run *r, const char *target, unsigned needs, struct evidence *ret);

/* collect_visited() likewise: V8's heap is shown where there is one that can be read. */
int look_at_visited(struct run *r, const char *target, unsigned needs, const struct v8_visit *visit,
                    struct evidence *ret);

/* look_at(), some times over while malloc's census (NEED_MALLOC) has errors: a look that falls into
 * an allocation finds a list in the making. The last one may have some. */
int look_at_quiet(struct run *r, const char *target, unsigned needs, struct evidence *ret);

/* collect_still() likewise. */
int look_at_still(struct run *r, const char *target, unsigned needs,
                  const struct still_visit *visit, struct evidence *ret);

/* collect_whole() likewise. */
int look_at_whole(struct run *r, const char *target, unsigned needs,
                  const struct whole_visit *visit, struct evidence *ret);

/* r->err says why there is no V8 census in `ev`; returns its code. */
int look_explain_absence(struct run *r, const struct evidence *ev);
/* collect_visited() for a command that needs V8's heap; -ENODATA or -ENOTSUP with r->err filled
 * where there is none that can be read. */
int look_at_heap(struct run *r, const char *target, const struct v8_visit *visit,
                 struct evidence *ret);
/* The same, with more than the heap: `needs` beside it. */
int look_at_heap_and(struct run *r, const char *target, unsigned needs,
                     const struct v8_visit *visit, struct evidence *ret);
/* The same, of shapes alone: without what lives. */
int look_at_shapes(struct run *r, const char *target, const struct v8_visit *visit,
                   struct evidence *ret);

#endif
