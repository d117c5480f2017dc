#include "collect/handle_owner.h"

#include "base/limits.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include <string.h>

/* An own property that is an object; 0 when there is none. */
static uint64_t object_of(struct v8_objects *o, uint64_t of, const char *name) {
    struct v8_property p;
    if (!of || !v8_property_own(o, of, name, &p) || p.is_accessor ||
        !v8_is_receiver(v8_kind(o, p.value)))
        return 0;
    return p.value;
}

/* An own property that is a whole number, not below 0. */
static bool number_of(struct v8_objects *o, uint64_t of, const char *name, uint64_t *ret) {
    const double exact = 9007199254740992.0; /* 2^53 */
    struct v8_property p;
    uint64_t bits;
    double d;
    if (!of || !v8_property_own(o, of, name, &p) || p.is_accessor)
        return false;
    if (v8_is_smi(p.value)) {
        if (v8_smi(p.value) < 0)
            return false;
        *ret = (uint64_t)v8_smi(p.value);
        return true;
    }
    if (v8_kind(o, p.value) != KIND_HEAP_NUMBER || !v8_field(o, p.value, 8, &bits))
        return false;
    memcpy(&d, &bits, sizeof d);
    if (!(d >= 0 && d <= exact))
        return false;
    *ret = (uint64_t)d;
    return true;
}

/* An own property that is a string; NULL when there is none. */
static char *text_of(struct v8_objects *o, uint64_t of, const char *name) {
    struct v8_property p;
    if (!of || !v8_property_own(o, of, name, &p) || v8_kind(o, p.value) != KIND_STRING)
        return NULL;
    return v8_string_utf8(o, p.value, LIMIT_V8_NAME);
}

/* {address, family, port}, which a socket keeps once it was asked for. */
static char *address_of(struct v8_objects *o, uint64_t of, const char *name) {
    uint64_t at = object_of(o, of, name), port;
    cleanup_free char *address = text_of(o, at, "address");
    if (!address || !number_of(o, at, "port", &port))
        return NULL;
    return mem_printf(strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, (unsigned)port);
}

/* What HTTP uses the socket for now (lib/_http_server.js, lib/_http_client.js): a ServerResponse
 * has its request, a ClientRequest is one. */
static char *request_of(struct v8_objects *o, uint64_t socket) {
    uint64_t message = object_of(o, socket, "_httpMessage");
    uint64_t incoming = object_of(o, message, "req");
    cleanup_free char *method = text_of(o, incoming ? incoming : message, "method");
    cleanup_free char *url = text_of(o, incoming ? incoming : message, incoming ? "url" : "path");
    return method && url ? mem_printf("%s %s", method, url) : NULL;
}

static void read_streams(struct v8_objects *o, struct uv_script *s) {
    uint64_t writable = object_of(o, s->owner, "_writableState");
    uint64_t readable = object_of(o, s->owner, "_readableState");
    s->has_writable = number_of(o, writable, "length", &s->writable_length) &&
                      number_of(o, writable, "writelen", &s->writing) &&
                      s->writing <= s->writable_length;
    s->has_readable = number_of(o, readable, "length", &s->readable_length);
}

/* Embedder fields follow map, properties and elements; BaseObject::kSlot is the first or second. */
static bool leads_back(struct v8_objects *o, uint64_t wrap, uint64_t native) {
    enum { FIELDS = 24, FIELDS_END = 48 };
    uint64_t word;
    for (int32_t at = FIELDS; at < FIELDS_END; at += 8)
        if (v8_field(o, wrap, at, &word) && word == native)
            return true;
    return false;
}

static void read_owner(struct v8_objects *o, uint64_t owner, struct uv_script *s) {
    s->owner = owner;
    s->owner_class = v8_constructor_name(o, owner);
    s->server = text_of(o, owner, "_connectionKey");
    s->request = request_of(o, owner);
    s->local = address_of(o, owner, "_sockname");
    s->peer = address_of(o, owner, "_peername");
    read_streams(o, s);
}

void handle_owner_read(struct v8_objects *o, uint64_t wrap, uint64_t native,
                       struct uv_script *ret) {
    struct uv_script s = {0};
    if (!v8_is_receiver(v8_kind(o, wrap)) || !leads_back(o, wrap, native))
        return;
    s.wrap = wrap;
    s.wrap_class = v8_constructor_name(o, wrap);
    uint64_t owner = object_of(o, wrap, "owner_symbol"); /* lib/internal/async_hooks.js */
    if (owner)
        read_owner(o, owner, &s);
    *ret = s;
}

/* Of an object of C++ that holds `inside`: the JavaScript object that leads back to it; 0. Classes
 * have their tables of virtual functions where nothing is written. */
static uint64_t script_around(struct v8_objects *o, uint64_t inside) {
    enum { WORDS = 64 };
    uint64_t w[WORDS + 1], script;
    uint64_t from = inside - WORDS * 8;
    if (inside < sizeof w || image_read(o->img, from, w, sizeof w) < 0)
        return 0;
    for (int i = WORDS - 1; i >= 0; i--) {
        const struct region *r = region_find(image_regions(o->img), w[i]);
        if (r && !(r->prot & REGION_W) && image_read_u64(o->img, w[i + 1], &script) == 0 &&
            v8_is_receiver(v8_kind(o, script)) && leads_back(o, script, from + (uint64_t)i * 8))
            return script;
    }
    return 0;
}

static bool is_class(struct v8_objects *o, uint64_t object, const char *name) {
    cleanup_free char *class = v8_constructor_name(o, object);
    return class && strcmp(class, name) == 0;
}

void handle_owner_over(struct v8_objects *o, uint64_t listener, struct uv_script *s) {
    uint64_t wrap = script_around(o, listener);
    uint64_t owner = wrap && is_class(o, wrap, "TLSWrap") ? object_of(o, wrap, "owner_symbol") : 0;
    if (!owner || owner == s->owner)
        return;
    struct uv_script over = {.wrap = s->wrap};
    over.wrap_class = s->wrap_class ? mem_strdup(s->wrap_class) : NULL;
    read_owner(o, owner, &over);
    uv_script_done(s);
    *s = over;
}
