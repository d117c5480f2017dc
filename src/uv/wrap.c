/* Node's objects around handles: a HandleWrap sets handle->data to itself and keeps the handle's
 * address (src/handle_wrap.cc). It begins as every BaseObject: the table of virtual functions, then
 * a v8::Global of its JavaScript object (src/base_object.h; Node 12 to 26). */
#include "base/limits.h"
#include "uv/census.h"

#include <string.h>

/* HandleWrap::handle__ is the 11th word or so: behind BaseObject, AsyncWrap, a list's node. */
enum { WRAP_VTABLE, WRAP_GLOBAL, WRAP_WORDS = 24 };
/* Of a LibuvStreamWrap a StreamBase follows, which begins with its table of virtual functions and
 * StreamResource::listener_ (src/stream_wrap.h, src/stream_base.h); its own one is in front of the
 * handle, which is part of the object too. */
enum { WRAP_LISTENER = 2 };

static uint64_t listener_of(const struct uv_handle *h, uint64_t listener) {
    bool own = h->addr < h->object || listener - h->object < h->addr - h->object;
    bool stream = h->type == UV_TYPE_TCP || h->type == UV_TYPE_PIPE || h->type == UV_TYPE_TTY;
    return stream && !own && !(listener & 7) && listener < LIMIT_USER_ADDR ? listener : 0;
}

void uv_wrap_find(const struct uv_reader *r, struct uv_handle *h) {
    uint64_t w[WRAP_WORDS];
    if (!h->data || (h->data & 7) || h->data >= LIMIT_USER_ADDR)
        return;
    size_t n = image_read_prefix(r->img, h->data, w, sizeof w) / sizeof *w;
    for (size_t i = WRAP_GLOBAL + 1; i < n; i++)
        if (w[i] == h->addr) {
            h->object = h->data;
            h->vtable = w[WRAP_VTABLE];
            h->slot = w[WRAP_GLOBAL];
            h->listener = i + WRAP_LISTENER < n ? listener_of(h, w[i + WRAP_LISTENER]) : 0;
            return;
        }
}
