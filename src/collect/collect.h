/* From a target and a list of needs to evidence: opens, reads what needs no stop, stops, counts,
 * releases, and joins what was counted into one account. Judges nothing, prints nothing. */
#ifndef MEMWHY_COLLECT_COLLECT_H
#define MEMWHY_COLLECT_COLLECT_H

#include "base/err.h"
#include "image/image.h"
#include "model/evidence.h"
#include "v8/layout.h"
#include "v8/v8.h"

enum collect_need {
    NEED_V8 = 1 << 0,
    NEED_MALLOC = 1 << 1,
    NEED_ACCOUNT = 1 << 2, /* needs both */
    NEED_SMAPS = 1 << 3,
    NEED_PROCESS = 1 << 4,
    NEED_CGROUP = 1 << 5,
    NEED_NEIGHBOURS = 1 << 6,
    NEED_ALL = (1 << 7) - 1,
    NEED_STACKS = 1 << 7,
    NEED_ARGUMENTS = 1 << 8, /* of the functions on them, too */
    NEED_LIVENESS = 1 << 9,  /* which objects live; with NEED_V8 */
    NEED_HANDLES = 1 << 10,  /* of libuv */
    NEED_PIECES = 1 << 11,   /* every chunk of malloc; with NEED_MALLOC */
    NEED_SHAPES = 1 << 12,   /* how many objects there are of each; with NEED_V8 alone */
    NEED_FLAGS = 1 << 13,    /* of V8; with NEED_V8 */
    NEED_ANYHOW = 1 << 14,   /* with NEED_LIVENESS: V8's census also where it cannot be told what
                              * lives, as while a worker is being made; visitors do not see it */
};

/* TARGET, the same everywhere: a pid; a file (an ELF core, plain or .zst); or a name or part of a
 * command line that fits exactly one process. Opens it without stopping. A moment of a recording
 * (collect/recorded.h) has no memory to be opened: only collect() takes it. */
int target_open(const char *target, struct image **ret, struct err *e);

/* The pid of a TARGET that is a running process; which is not opened, so nothing of it need be
 * readable. -EINVAL: it is a file. */
int target_pid(const char *target, pid_t *ret, struct err *e);

/* Look at the target, held as `how` allows (its read_ns_per_mib is set here). `ret` is valid (and
 * must be ended) only on success. */
int collect(const char *target, unsigned needs, const struct image_freeze_how *how,
            struct evidence *ret, struct err *e);

/* The same, and `visit` sees V8's heap while it stands still (NEED_V8 and NEED_LIVENESS, or
 * NEED_SHAPES; not called where there is none). What it fails with is returned. It is called anew,
 * and has to begin anew, when what it saw turns out to have been given up on the way. NULL: nobody
 * does. */
int collect_visited(const char *target, unsigned needs, const struct image_freeze_how *how,
                    const struct v8_visit *visit, struct evidence *ret, struct err *e);

/* The same, for who wants to look at the memory itself while it stands still, once all that was
 * asked for is counted: `see` is called with the image and the evidence so far. It, too, may be
 * called anew, and what it fails with is returned. */
struct still_visit {
    void *arg;
    int (*see)(void *arg, struct image *img, const struct evidence *ev, struct err *e);
};
int collect_still(const char *target, unsigned needs, const struct image_freeze_how *how,
                  const struct still_visit *visit, struct evidence *ret, struct err *e);

/* The same, for who wants both at once: the memory, what was counted, and V8's heap (NEED_V8 and
 * NEED_LIVENESS). What `whole` has is valid while it looks. */
struct whole {
    struct image *img;
    const struct evidence *ev;
    const struct v8_view *heap; /* NULL: there is no V8, or not one whose objects can be told */
};
struct whole_visit {
    void *arg;
    int (*see)(void *arg, const struct whole *whole, struct err *e);
};
int collect_whole(const char *target, unsigned needs, const struct image_freeze_how *how,
                  const struct whole_visit *visit, struct evidence *ret, struct err *e);

/* As collect(), with an image that is open already; releases it, does not free it. */
int collect_image(struct image *img, unsigned needs, const struct image_freeze_how *how,
                  struct evidence *ret, struct err *e);

/* The processes beside this one, as text for a capture; the caller frees it. */
char *collect_neighbours_text(pid_t pid);

/* Join censuses, regions and residency into ev->account. For collect() and tests. */
void account_build(const struct image *img, struct evidence *ev);

#endif
