#include "base/bytes.h"
#include "base/limits.h"
#include "uv/census.h"
#include "uv/layout.h"
#include "uv/queue.h"

#include <errno.h>

/* How many requests wait in a stream's queue; false when it is broken. */
static bool count_writes(struct uv_reader *r, uint64_t handle, uint64_t *ret) {
    struct uv_queue q = uv_queue_open(r->img, handle + STREAM_WRITE_QUEUE);
    uint64_t node, of, n = 0;
    int more;
    for (; (more = uv_queue_next(&q, &node)) > 0; n++) {
        if (!r->requests_left)
            return false;
        r->requests_left--;
        if (image_read_u64(r->img, node - WRITE_QUEUE + WRITE_HANDLE, &of) < 0 || of != handle)
            return false;
    }
    *ret = n;
    return more == 0;
}

static char *text_of(const struct uv_reader *r, uint64_t addr) {
    char buf[LIMIT_NAME];
    return addr && image_read_string(r->img, addr, buf, sizeof buf) == 0 ? mem_strdup(buf) : NULL;
}

static void read_stream(struct uv_reader *r, const uint8_t *at, size_t len, struct uv_handle *h) {
    h->fd = (int32_t)u32_at(at, STREAM_IO + IO_FD);
    h->listening = u64_at(at, STREAM_CONNECTION_CB) != 0;
    h->connecting = u64_at(at, STREAM_CONNECT_REQ) != 0;
    h->shutting = u64_at(at, STREAM_SHUTDOWN_REQ) != 0;
    h->has_queue = count_writes(r, h->addr, &h->queue_reqs);
    h->queue_bytes = u64_at(at, STREAM_QUEUE_SIZE);
    if (h->type == UV_TYPE_PIPE && len >= PIPE_BYTES)
        h->path = text_of(r, u64_at(at, PIPE_NAME));
}

static void read_udp(const uint8_t *at, struct uv_handle *h) {
    h->fd = (int32_t)u32_at(at, UDP_IO + IO_FD);
    h->has_queue = true;
    h->queue_bytes = u64_at(at, UDP_QUEUE_SIZE);
    h->queue_reqs = u64_at(at, UDP_QUEUE_COUNT);
}

static void read_timer(const struct uv_reader *r, const uint8_t *at, struct uv_handle *h) {
    h->due_ms = (int64_t)(u64_at(at, TIMER_TIMEOUT) - r->c->loops.at[h->loop].now_ms);
    h->repeat_ms = u64_at(at, TIMER_REPEAT);
}

uint32_t uv_handle_bytes(enum uv_type t) {
    static const uint16_t bytes[UV_TYPES] = {
        [UV_TYPE_ASYNC] = CALLBACK_BYTES,   [UV_TYPE_CHECK] = CALLBACK_BYTES,
        [UV_TYPE_IDLE] = CALLBACK_BYTES,    [UV_TYPE_PREPARE] = CALLBACK_BYTES,
        [UV_TYPE_PROCESS] = PROCESS_BYTES,  [UV_TYPE_SIGNAL] = SIGNAL_BYTES,
        [UV_TYPE_TIMER] = TIMER_BYTES,      [UV_TYPE_TCP] = STREAM_BYTES,
        [UV_TYPE_PIPE] = STREAM_BYTES,      [UV_TYPE_TTY] = STREAM_BYTES,
        [UV_TYPE_UDP] = UDP_BYTES,          [UV_TYPE_POLL] = POLL_BYTES,
        [UV_TYPE_FS_EVENT] = FS_EVENT_BYTES};
    return bytes[t] ? bytes[t] : HANDLE_BYTES;
}

/* What is particular to its type; `len` bytes of it could be read. */
static void read_type(struct uv_reader *r, const uint8_t *at, size_t len, struct uv_handle *h) {
    if (len < uv_handle_bytes(h->type))
        return;
    switch (h->type) {
    case UV_TYPE_TCP:
    case UV_TYPE_PIPE:
    case UV_TYPE_TTY:
        read_stream(r, at, len, h);
        return;
    case UV_TYPE_UDP:
        read_udp(at, h);
        return;
    case UV_TYPE_POLL:
        h->fd = (int32_t)u32_at(at, POLL_IO + IO_FD);
        return;
    case UV_TYPE_FS_EVENT:
        h->path = text_of(r, u64_at(at, FS_EVENT_PATH));
        return;
    case UV_TYPE_TIMER:
        read_timer(r, at, h);
        break;
    case UV_TYPE_PROCESS:
        h->pid = (int32_t)u32_at(at, PROCESS_PID);
        break;
    case UV_TYPE_SIGNAL:
        h->signal = (int32_t)u32_at(at, SIGNAL_NUMBER);
        break;
    default:
        break;
    }
    if (uv_handle_bytes(h->type) > HANDLE_BYTES)
        h->callback = u64_at(at, HANDLE_CALLBACK);
}

static bool read_handle(struct uv_reader *r, uint64_t addr, uint32_t loop) {
    uint8_t at[HANDLE_BYTES_MAX];
    size_t len = image_read_prefix(r->img, addr, at, sizeof at);
    if (len < HANDLE_BYTES || u64_at(at, HANDLE_LOOP) != r->c->loops.at[loop].addr)
        return false;
    uint32_t type = u32_at(at, HANDLE_TYPE), flags = u32_at(at, HANDLE_FLAGS);
    if (!type || type >= UV_TYPES)
        return false;
    struct uv_handle h = {.addr = addr,
                          .data = u64_at(at, HANDLE_DATA),
                          .loop = loop,
                          .type = (enum uv_type)type,
                          .active = flags & FLAG_ACTIVE,
                          .ref = flags & FLAG_REF,
                          .closing = flags & (FLAG_CLOSING | FLAG_CLOSED),
                          .internal = flags & FLAG_INTERNAL,
                          .fd = -1};
    read_type(r, at, len, &h);
    uv_wrap_find(r, &h);
    vec_push(&r->c->handles, h);
    return true;
}

void uv_handles_walk(struct uv_reader *r, uint32_t loop) {
    uint64_t node;
    int more;
    struct uv_loop *l = &r->c->loops.at[loop];
    struct uv_queue q = uv_queue_open(r->img, l->addr + LOOP_HANDLE_QUEUE);
    while ((more = uv_queue_next(&q, &node)) > 0) {
        if (r->c->handles.n >= LIMIT_UV_HANDLES) {
            l->cut = "there are more than a process can have";
            return;
        }
        if (!read_handle(r, node - HANDLE_QUEUE, loop)) {
            l->cut = "what follows is no handle of it";
            return;
        }
    }
    if (more < 0)
        l->cut = more == -EFAULT ? "the next one is not in memory" : "the list is broken";
}
