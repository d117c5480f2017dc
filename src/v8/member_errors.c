/* Errors: the stack they were made on. */
#include "v8/member_list.h"

#include "v8/names.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include "v8/values.h"

/* A frame is a CallSiteInfo, called StackFrameInfo in 9.4 (src/objects/call-site-info.tq), or from
 * 14 on six elements of one array: code, receiver, function, place in the code, parameters, flags.
 * ErrorStackData, from 9.7 to 12: frames or the finished text. */
enum { SITE_OFFSET = 32, SITE_FLAGS = 40, STACK_DATA = 8 };
enum { FLAT_WORDS = 6, FLAT_RECEIVER = 1, FLAT_FUNCTION = 2, FLAT_OFFSET = 3, FLAT_FLAGS = 5 };
enum { IS_CONSTRUCTOR = 3, FRAMES_MAX = 1000 };

struct frame {
    uint64_t function, receiver, offset, flags; /* tagged */
};

static bool is_flat(struct v8_objects *o, uint64_t stack) {
    return v8_array_length(o, stack) >= FLAT_WORDS &&
           v8_kind(o, v8_array_get(o, stack, FLAT_FUNCTION)) == KIND_FUNCTION &&
           v8_is_smi(v8_array_get(o, stack, FLAT_OFFSET));
}

static bool is_site(struct v8_objects *o, uint64_t info) {
    enum v8_type t = v8_type(o, info);
    return t == TYPE_CALL_SITE_INFO || t == TYPE_STACK_FRAME_INFO;
}

static bool read_frame(struct v8_objects *o, uint64_t stack, int64_t i, struct frame *ret) {
    int32_t function = o->l->facts.call_site_function;
    if (function < 0) {
        if (FLAT_WORDS * (i + 1) > v8_array_length(o, stack))
            return false;
        ret->receiver = v8_array_get(o, stack, FLAT_WORDS * i + FLAT_RECEIVER);
        ret->function = v8_array_get(o, stack, FLAT_WORDS * i + FLAT_FUNCTION);
        ret->offset = v8_array_get(o, stack, FLAT_WORDS * i + FLAT_OFFSET);
        ret->flags = v8_array_get(o, stack, FLAT_WORDS * i + FLAT_FLAGS);
        return true;
    }
    uint64_t site = v8_array_get(o, stack, i);
    return is_site(o, site) && v8_field(o, site, function, &ret->function) &&
           v8_field(o, site, function - 8, &ret->receiver) &&
           v8_field(o, site, SITE_OFFSET, &ret->offset) &&
           v8_field(o, site, SITE_FLAGS, &ret->flags);
}

/* The frames or the text that a property holds; 0: neither. */
static uint64_t stack_in(struct v8_objects *o, uint64_t value) {
    if (v8_type(o, value) == TYPE_ERROR_STACK_DATA)
        value = v8_field_or_0(o, value, STACK_DATA);
    bool is_stack = v8_kind(o, value) == KIND_STRING || is_site(o, v8_array_get(o, value, 0)) ||
                    is_flat(o, value);
    return is_stack ? value : 0;
}

/* V8 keeps it under a symbol of its own, whether or not a program has looked at `stack`. (Up to
 * version 9 each isolate has its own symbols; there no other of them has a text.) */
static uint64_t stack_of(struct v8_objects *o, uint64_t error) {
    struct v8_properties all;
    struct v8_property p;
    uint64_t symbol = 0, other = 0;
    int index = v8_layout_root(o->l, "error_stack_symbol");
    if (index >= 0)
        v8_objects_read(o, o->l->main_roots + 8 * (uint64_t)index, &symbol, 8);
    v8_properties_open(o, error, &all);
    while (v8_properties_next(&all, &p)) {
        if (p.is_accessor || !v8_key_is_internal(o, p.key))
            continue;
        if (p.key == symbol)
            return stack_in(o, p.value);
        other = other ? other : stack_in(o, p.value);
    }
    return other;
}

static char *frame_text(struct v8_decoder *d, const struct frame *f) {
    struct v8_call call = {.function = f->function, .receiver = f->receiver, .has_receiver = true};
    if (v8_shared_read(d->o, v8_shared_of(d->o, call.function), &call.shared) < 0)
        return NULL;
    call.is_constructor = v8_is_smi(f->flags) && v8_smi(f->flags) >> IS_CONSTRUCTOR & 1;
    cleanup_free char *name = v8_call_name(d->o, &call);
    bool has_offset = v8_is_smi(f->offset) && v8_smi(f->offset) >= 0;
    cleanup_free char *place =
        v8_member_place(d, &call.shared, has_offset ? v8_smi(f->offset) : PLACE_FUNCTION);
    if (!place)
        return mem_printf("%s (<anonymous>)", name);
    return *name ? mem_printf("%s (%s)", name, place) : mem_strdup(place);
}

void v8_members_error(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct frame f;
    if (v8_type(d->o, object) != TYPE_JS_ERROR)
        return;
    uint64_t stack = stack_of(d->o, object);
    if (v8_kind(d->o, stack) == KIND_STRING) {
        v8_members_text(d, m, "Stack", v8_string_utf8(d->o, stack, d->text_max));
        return;
    }
    for (int64_t i = 0; i < FRAMES_MAX && read_frame(d->o, stack, i, &f); i++)
        v8_members_text(d, m, "StackFrame", frame_text(d, &f));
}
