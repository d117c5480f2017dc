/* libuv's structures as data: include/uv.h, include/uv/unix.h, include/uv/linux.h,
 * include/uv/threadpool.h, src/uv-common.h. Linux, LP64; offsets in bytes. One table: the layout is
 * libuv's ABI, which 1.x keeps; compared with the headers of 1.40 (Node 12), 1.41 (16), 1.44 (18),
 * 1.46 (20), 1.50, 1.51 (22) and 1.52 (24, 26). */
#ifndef MEMWHY_UV_LAYOUT_H
#define MEMWHY_UV_LAYOUT_H

/* struct uv__queue (QUEUE up to 1.46): { next, prev }. */
enum { QUEUE_NEXT = 0, QUEUE_PREV = 8 };

/* uv_loop_t */
enum {
    LOOP_ACTIVE_HANDLES = 8,
    LOOP_HANDLE_QUEUE = 16,
    LOOP_ACTIVE_REQS = 32, /* union { void *; unsigned count; } */
    LOOP_BACKEND_FD = 64,  /* epoll; -1 once it was closed */
    LOOP_WQ = 120,         /* work that was done by the pool, to be told */
    LOOP_WQ_ASYNC = 176,   /* a uv_async_t of every loop */
    LOOP_TIME = 544,       /* ms */
    LOOP_BYTES = 848,
};

/* uv_handle_t: what all handles begin with. */
enum {
    HANDLE_DATA = 0,
    HANDLE_LOOP = 8,
    HANDLE_TYPE = 16,
    HANDLE_QUEUE = 32,
    HANDLE_FLAGS = 88,
    HANDLE_BYTES = 96,
    HANDLE_CALLBACK = 96,   /* of async, check, idle, prepare, process, signal, timer */
    HANDLE_BYTES_MAX = 312, /* uv_tty_t */
};

/* src/uv-common.h */
enum {
    FLAG_CLOSING = 0x1,
    FLAG_CLOSED = 0x2,
    FLAG_ACTIVE = 0x4,
    FLAG_REF = 0x8,
    FLAG_INTERNAL = 0x10,
};

/* uv__io_t */
enum { IO_FD = 48 };

/* uv_stream_t, which uv_tcp_t, uv_pipe_t and uv_tty_t begin with. */
enum {
    STREAM_QUEUE_SIZE = 96,
    STREAM_CONNECT_REQ = 120,
    STREAM_SHUTDOWN_REQ = 128,
    STREAM_IO = 136,
    STREAM_WRITE_QUEUE = 192,
    STREAM_CONNECTION_CB = 224, /* set by uv_listen() */
    STREAM_BYTES = 248,
    PIPE_NAME = 256,
    PIPE_BYTES = 264,
};

enum {
    UDP_QUEUE_SIZE = 96,
    UDP_QUEUE_COUNT = 104,
    UDP_IO = 128,
    UDP_BYTES = 216,
    POLL_IO = 104,
    POLL_BYTES = 160,
    TIMER_TIMEOUT = 128,
    TIMER_REPEAT = 136,
    TIMER_BYTES = 152,
    PROCESS_PID = 104,
    PROCESS_BYTES = 136,
    SIGNAL_NUMBER = 104,
    SIGNAL_BYTES = 152,
    FS_EVENT_PATH = 96,
    FS_EVENT_BYTES = 136,
    CALLBACK_BYTES = 104, /* the least of those that have one */
};

/* uv_write_t */
enum { WRITE_HANDLE = 80, WRITE_QUEUE = 88 };

/* struct uv__work: { work, done, loop, queue }; `work` is NULL once it was called. */
enum { WORK_FUNCTION = 0, WORK_DONE = 8, WORK_LOOP = 16, WORK_QUEUE = 24, WORK_BYTES = 40 };
/* What it is part of, by its function: uv_fs_t of uv__fs_work, uv_work_t of uv__queue_work,
 * uv_getaddrinfo_t of uv__getaddrinfo_work. */
enum {
    FS_TYPE = 64, /* enum uv_fs_type */
    FS_PATH = 104,
    FS_WORK = 336,
    QUEUED_CALLBACK = 72, /* uv_work_t.work_cb */
    QUEUED_WORK = 88,
    ADDRINFO_WORK = 72,
    ADDRINFO_HOST = 128,
};

#endif
