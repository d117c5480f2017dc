/* A function of the target called by its own main thread, while that waits for events: the one
 * thing memwhy does that runs code of the target. Asked for by the user, never on the way to
 * something else.
 *
 * Only the main thread is held, and only where epoll has nothing for it, so that it is in the
 * middle of nothing; the others run on and let go of the locks they have. The call returns as a
 * signal handler does (wayback.h), whether or not memwhy and its supervisor still live. The wait
 * for events it was found in ends with EINTR, as after any signal. */
#ifndef MEMWHY_IMAGE_CALL_H
#define MEMWHY_IMAGE_CALL_H

#include "image/image.h"

struct image_call {
    const char *function; /* a symbol of the module that `module_addr` lies in */
    uint64_t module_addr;
    uint64_t argument;
    uint64_t max_wait_ns; /* for a moment in which the main thread waits */
    /* Asked while it is held: 0 to call, -EAGAIN to let go and try again, anything else to give up
     * (with `e` filled). NULL: no questions. */
    int (*may)(void *arg, const struct image *img, struct err *e);
    void *arg;
};

struct image_call_cost {
    uint64_t pause_ns;              /* the main thread was held, with the call */
    uint64_t waited_ns;             /* until it was found waiting */
    uint64_t holds;                 /* how often it was held and let go for that */
    uint64_t rss_before, rss_after; /* while it was held (the kernel's counter) */
};

/* For a live image. -ENOTSUP: there is no such function, or no safe way; -EBUSY: no such moment
 * came; -EACCES: seccomp; -EPERM, -ESRCH as image_stop; -EIO: the function ran into a fault. */
int image_call(struct image *img, const struct image_call *call, struct image_call_cost *ret,
               struct err *e);

#endif
