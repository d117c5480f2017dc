#include "model/uv_census.h"

void uv_script_done(struct uv_script *s) {
    free(s->wrap_class);
    free(s->owner_class);
    free(s->server);
    free(s->request);
    free(s->local);
    free(s->peer);
}

void uv_census_done(struct uv_census *c) {
    for (size_t i = 0; i < c->handles.n; i++) {
        struct uv_handle *h = &c->handles.at[i];
        free(h->path);
        free(h->callback_name);
        free(h->object_class);
        uv_script_done(&h->script);
    }
    for (size_t i = 0; i < c->works.n; i++) {
        free(c->works.at[i].function_name);
        free(c->works.at[i].path);
    }
    vec_free(&c->loops);
    vec_free(&c->handles);
    vec_free(&c->works);
    descriptors_done(&c->descriptors);
}

bool uv_handle_is_socket(const struct uv_handle *h) {
    return h->type == UV_TYPE_TCP || h->type == UV_TYPE_PIPE || h->type == UV_TYPE_UDP;
}

bool uv_handle_holds(const struct uv_handle *h) {
    return h->active && h->ref && !h->closing;
}

uint64_t uv_handle_js_waiting(const struct uv_handle *h) {
    return h->script.has_writable ? h->script.writable_length - h->script.writing : 0;
}

uint64_t uv_handle_queued(const struct uv_handle *h) {
    uint64_t bytes = uv_handle_js_waiting(h);
    if (h->has_queue)
        bytes += h->queue_bytes;
    if (h->file && h->file->has_queues)
        bytes += h->file->send_queue;
    return bytes;
}

const char *uv_handle_local(const struct uv_handle *h) {
    if (h->file && h->file->local)
        return h->file->local;
    if (h->script.local || h->script.server)
        return h->script.local ? h->script.local : h->script.server;
    return h->type == UV_TYPE_PIPE ? h->path : NULL;
}

const char *uv_handle_peer(const struct uv_handle *h) {
    return h->file && h->file->peer ? h->file->peer : h->script.peer;
}

struct uv_requests uv_requests_of(const struct uv_census *c, uint32_t loop) {
    struct uv_requests r = {0};
    for (size_t i = 0; i < c->handles.n; i++) {
        const struct uv_handle *h = &c->handles.at[i];
        if (h->loop != loop)
            continue;
        *(h->type == UV_TYPE_UDP ? &r.sends : &r.writes) += h->queue_reqs;
        r.connects += h->connecting;
        r.shutdowns += h->shutting;
    }
    for (size_t i = 0; i < c->works.n; i++)
        if (c->works.at[i].loop == loop)
            r.works[c->works.at[i].state]++;
    return r;
}

const char *uv_type_name(enum uv_type t) {
    static const char *const names[UV_TYPES] = {
        [UV_TYPE_ASYNC] = "async",     [UV_TYPE_CHECK] = "check",   [UV_TYPE_FS_EVENT] = "fs_event",
        [UV_TYPE_FS_POLL] = "fs_poll", [UV_TYPE_HANDLE] = "handle", [UV_TYPE_IDLE] = "idle",
        [UV_TYPE_PIPE] = "pipe",       [UV_TYPE_POLL] = "poll",     [UV_TYPE_PREPARE] = "prepare",
        [UV_TYPE_PROCESS] = "process", [UV_TYPE_STREAM] = "stream", [UV_TYPE_TCP] = "tcp",
        [UV_TYPE_TIMER] = "timer",     [UV_TYPE_TTY] = "tty",       [UV_TYPE_UDP] = "udp",
        [UV_TYPE_SIGNAL] = "signal",
    };
    return names[t];
}

const char *uv_work_state_name(enum uv_work_state s) {
    static const char *const names[] = {
        [UV_WORK_RUNNING] = "running", [UV_WORK_QUEUED] = "queued", [UV_WORK_DONE] = "done"};
    return names[s];
}
