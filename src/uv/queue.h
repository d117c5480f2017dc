/* libuv's lists: rings of {next, prev} that run through a head. Private to src/uv/. */
#ifndef MEMWHY_UV_QUEUE_H
#define MEMWHY_UV_QUEUE_H

#include "image/image.h"

/* Goes from node to node; each must name the one before it, so that a broken ring cannot run in
 * circles. */
struct uv_queue {
    const struct image *img;
    uint64_t head, at;
};

/* Of a head that was never set (zeros) the ring is empty. */
static inline struct uv_queue uv_queue_open(const struct image *img, uint64_t head) {
    return (struct uv_queue){img, head, head};
}

/* 1: `ret` is the next node; 0: the ring has closed; -EFAULT, -EBADMSG: it is broken here. */
int uv_queue_next(struct uv_queue *q, uint64_t *ret);

#endif
