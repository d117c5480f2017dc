#include "report/handle_json.h"

#include "base/text.h"
#include <inttypes.h>

void handle_json_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

void handle_json_addr(json_t *o, const char *key, uint64_t addr) {
    json_object_set_new(o, key, json_sprintf("0x%" PRIx64, addr));
}

void handle_json_text(json_t *o, const char *key, const char *s) {
    if (s && s[0])
        json_object_set_new(o, key, text_json(s));
}

json_t *descriptor_json(const struct descriptor *d) {
    json_t *o = json_object();
    handle_json_text(o, "target", d->target);
    handle_json_text(o, "kind", d->kind);
    handle_json_text(o, "state", d->state);
    handle_json_text(o, "local", d->local);
    handle_json_text(o, "peer", d->peer);
    if (d->has_queues) {
        handle_json_u64(o, "send_queue", d->send_queue);
        handle_json_u64(o, "receive_queue", d->receive_queue);
    }
    return o;
}

static json_t *object_json(uint64_t addr, const char *class) {
    json_t *o = json_object();
    handle_json_addr(o, "addr", addr);
    handle_json_text(o, "class", class);
    return o;
}

static void set_script(json_t *o, const struct uv_script *s) {
    if (s->wrap)
        json_object_set_new(o, "wrap", object_json(s->wrap, s->wrap_class));
    if (!s->owner)
        return;
    json_t *owner = object_json(s->owner, s->owner_class);
    handle_json_text(owner, "server", s->server);
    handle_json_text(owner, "request", s->request);
    if (s->has_writable) {
        handle_json_u64(owner, "writable_length", s->writable_length);
        handle_json_u64(owner, "writing", s->writing);
    }
    if (s->has_readable)
        handle_json_u64(owner, "readable_length", s->readable_length);
    json_object_set_new(o, "owner", owner);
}

static void set_type(json_t *o, const struct uv_handle *h) {
    if (h->fd >= 0)
        handle_json_u64(o, "fd", (uint64_t)h->fd);
    if (h->has_queue) {
        handle_json_u64(o, "queue_bytes", h->queue_bytes);
        handle_json_u64(o, "queue_requests", h->queue_reqs);
    }
    if (h->type == UV_TYPE_TCP || h->type == UV_TYPE_PIPE)
        json_object_set_new(o, "listening", json_boolean(h->listening));
    if (h->type == UV_TYPE_TIMER) {
        if (h->active)
            json_object_set_new(o, "due_ms", json_integer(h->due_ms));
        handle_json_u64(o, "repeat_ms", h->repeat_ms);
    }
    if (h->type == UV_TYPE_PROCESS)
        json_object_set_new(o, "pid", json_integer(h->pid));
    if (h->type == UV_TYPE_SIGNAL)
        json_object_set_new(o, "signal", json_integer(h->signal));
    handle_json_text(o, "path", h->path);
    handle_json_text(o, "callback", h->callback_name);
}

json_t *handle_json(const struct uv_handle *h) {
    json_t *o = json_object();
    handle_json_addr(o, "addr", h->addr);
    handle_json_u64(o, "loop", h->loop);
    handle_json_text(o, "type", uv_type_name(h->type));
    json_object_set_new(o, "active", json_boolean(h->active));
    json_object_set_new(o, "ref", json_boolean(h->ref));
    json_object_set_new(o, "closing", json_boolean(h->closing));
    json_object_set_new(o, "internal", json_boolean(h->internal));
    set_type(o, h);
    if (h->object)
        json_object_set_new(o, "object", object_json(h->object, h->object_class));
    set_script(o, &h->script);
    if (h->file)
        json_object_set_new(o, "file", descriptor_json(h->file));
    return o;
}
