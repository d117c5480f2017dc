/* What a process waits for: the event loops of libuv at one moment, their handles and the work they
 * gave to the pool of threads; with the objects of C++ and JavaScript around a handle, and what the
 * kernel has of its file. Plain data: what is not known is absent. */
#ifndef MEMWHY_MODEL_UV_CENSUS_H
#define MEMWHY_MODEL_UV_CENSUS_H

#include "base/vec.h"
#include "model/descriptor.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* enum uv_handle_type, include/uv.h: the same in all of 1.x. */
enum uv_type {
    UV_TYPE_ASYNC = 1,
    UV_TYPE_CHECK,
    UV_TYPE_FS_EVENT,
    UV_TYPE_FS_POLL,
    UV_TYPE_HANDLE,
    UV_TYPE_IDLE,
    UV_TYPE_PIPE,
    UV_TYPE_POLL,
    UV_TYPE_PREPARE,
    UV_TYPE_PROCESS,
    UV_TYPE_STREAM,
    UV_TYPE_TCP,
    UV_TYPE_TIMER,
    UV_TYPE_TTY,
    UV_TYPE_UDP,
    UV_TYPE_SIGNAL,
    UV_TYPES
};

struct uv_loop {
    uint64_t addr;
    bool is_default; /* uv_default_loop()'s: of the main thread */
    pid_t tid;       /* the thread that runs it; 0 unknown */
    char thread[16];
    uint32_t active_handles;  /* those that keep it running, as it counts them itself */
    uint32_t active_requests; /* writes, connects, work of the pool, ...: all of its requests */
    uint64_t now_ms;          /* its clock when it last looked, CLOCK_MONOTONIC */
    const char *cut;          /* why not all of its handles could be followed; NULL: all were */
};

/* What JavaScript has of a handle: TCP, Pipe, ... and the object that it is part of. */
struct uv_script {
    uint64_t wrap, owner; /* tagged; 0 unknown, or there is none */
    char *wrap_class, *owner_class;
    char *server;       /* of a server: what it listens on, as Node keys it: "4:127.0.0.1:80" */
    char *request;      /* of a socket in use by HTTP: "GET /index.html" */
    char *local, *peer; /* where the program has asked for them */
    bool has_writable, has_readable;
    uint64_t writable_length; /* socket.writableLength: bytes written and not done with */
    uint64_t writing;         /* of them those that were given to the handle */
    uint64_t readable_length; /* socket.readableLength */
};

struct uv_handle {
    uint64_t addr, data;
    uint32_t loop; /* index */
    enum uv_type type;
    bool active, ref, closing, internal;
    int fd; /* -1: none */
    bool listening, connecting, shutting;
    bool has_queue;                   /* streams and UDP */
    uint64_t queue_bytes, queue_reqs; /* of requests to write that are not done */
    int64_t due_ms;                   /* timers: from the loop's now on */
    uint64_t repeat_ms;               /* 0: fires once */
    int32_t pid, signal;              /* processes; signals */
    char *path;                       /* what is watched; the name of a pipe */
    uint64_t callback;                /* a function; 0: streams have several */
    char *callback_name;
    /* The object of Node's C++ around it, which points back at the handle; 0: there is none. */
    uint64_t object, vtable, slot; /* slot: of its v8::Global */
    char *object_class;
    /* What a stream hands its data to, where that is another object: TLS, a parser of HTTP; 0: to
     * JavaScript. An address inside of that object. */
    uint64_t listener;
    struct uv_script script;
    const struct descriptor *file; /* of the census's descriptors; NULL unknown */
};

enum uv_work_state { UV_WORK_RUNNING, UV_WORK_QUEUED, UV_WORK_DONE };

/* Work for the pool of threads: file system, DNS, crypto, zlib. */
struct uv_work {
    uint64_t addr;
    uint32_t loop;
    enum uv_work_state state;
    pid_t tid;         /* that runs it */
    uint64_t function; /* what a thread of the pool calls */
    char *function_name;
    const char *kind; /* "open", "read", ... of the file system, "getaddrinfo"; NULL: another */
    char *path;       /* or the host's name */
};

struct uv_census {
    VEC(struct uv_loop) loops;
    VEC(struct uv_handle) handles;
    VEC(struct uv_work) works;
    bool has_scripts; /* JavaScript's objects could be read */
    bool pool_known;  /* the pool's queue was found: what is queued is known */
    struct descriptor_list descriptors;
    bool has_descriptors;
};

void uv_census_done(struct uv_census *c);
void uv_script_done(struct uv_script *s);
/* Of a stream or UDP: a socket, or a pipe. */
bool uv_handle_is_socket(const struct uv_handle *h);
/* Keeps its loop, and so the process, running. */
bool uv_handle_holds(const struct uv_handle *h);
/* What the program has written to it and JavaScript did not yet give to libuv; 0 also if unknown.
 */
uint64_t uv_handle_js_waiting(const struct uv_handle *h);
/* That, what libuv has of it, and what the kernel has: all that waits to be sent. */
uint64_t uv_handle_queued(const struct uv_handle *h);
/* Both ends: the kernel's word, or what JavaScript kept of it. NULL unknown. */
const char *uv_handle_local(const struct uv_handle *h);
const char *uv_handle_peer(const struct uv_handle *h);

/* The requests of a loop that can be told, by kind. */
struct uv_requests {
    uint64_t writes, sends, connects, shutdowns;
    uint64_t works[3]; /* by enum uv_work_state */
};
struct uv_requests uv_requests_of(const struct uv_census *c, uint32_t loop);
const char *uv_type_name(enum uv_type t);
const char *uv_work_state_name(enum uv_work_state s);

#endif
