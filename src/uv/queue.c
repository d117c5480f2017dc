#include "uv/queue.h"

#include "base/limits.h"
#include "uv/layout.h"
#include <errno.h>

int uv_queue_next(struct uv_queue *q, uint64_t *ret) {
    uint64_t next, prev;
    if (image_read_u64(q->img, q->at + QUEUE_NEXT, &next) < 0)
        return -EFAULT;
    if (!next && q->at == q->head)
        return 0;
    if ((next & 7) || next >= LIMIT_USER_ADDR)
        return -EBADMSG;
    if (image_read_u64(q->img, next + QUEUE_PREV, &prev) < 0)
        return -EFAULT;
    if (prev != q->at)
        return -EBADMSG;
    q->at = next;
    if (next == q->head)
        return 0;
    *ret = next;
    return 1;
}
