/* Errors: the stack they were made on. */
#include "v8/member_list.h"

#include "v8/names.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include "v8/values.h"

/* CallSiteInfo, called StackFrameInfo up to 9.4 (src/objects/call-site-info.tq): receiver,
 * function, code, place in it, flags. ErrorStackData, from 9.7 on: frames or the finished text. */
enum { RECEIVER = 8, FUNCTION = 16, OFFSET = 32, FLAGS = 40, STACK_DATA = 8 };
enum { IS_CONSTRUCTOR = 3, FRAMES_MAX = 1000 };

static bool is_frame(struct v8_objects *o, uint64_t info) {
    enum v8_type t = v8_type(o, info);
    return t == TYPE_CALL_SITE_INFO || t == TYPE_STACK_FRAME_INFO;
}

/* What V8 keeps under a symbol of its own, whether or not a program has looked at `stack`: of the
 * properties with such keys the one that holds a stack, as text or as frames. */
static uint64_t stack_of(struct v8_objects *o, uint64_t error) {
    struct v8_properties all;
    struct v8_property p;
    v8_properties_open(o, error, &all);
    while (v8_properties_next(&all, &p)) {
        if (p.is_accessor || !v8_key_is_internal(o, p.key))
            continue;
        uint64_t stack = v8_type(o, p.value) == TYPE_ERROR_STACK_DATA
                             ? v8_field_or_0(o, p.value, STACK_DATA)
                             : p.value;
        if (v8_kind(o, stack) == KIND_STRING || is_frame(o, v8_array_get(o, stack, 0)))
            return stack;
    }
    return 0;
}

static char *frame_text(struct v8_decoder *d, uint64_t info) {
    struct v8_call call = {
        .function = v8_field_or_0(d->o, info, FUNCTION),
        .receiver = v8_field_or_0(d->o, info, RECEIVER),
        .has_receiver = true,
    };
    uint64_t offset = v8_field_or_0(d->o, info, OFFSET), flags = v8_field_or_0(d->o, info, FLAGS);
    if (v8_shared_read(d->o, v8_shared_of(d->o, call.function), &call.shared) < 0)
        return NULL;
    call.is_constructor = v8_is_smi(flags) && v8_smi(flags) >> IS_CONSTRUCTOR & 1;
    cleanup_free char *name = v8_call_name(d->o, &call);
    cleanup_free char *place =
        v8_member_place(d, &call.shared,
                        v8_is_smi(offset) && v8_smi(offset) >= 0 ? v8_smi(offset) : PLACE_FUNCTION);
    if (!place)
        return mem_printf("%s (<native>)", name);
    return *name ? mem_printf("%s (%s)", name, place) : mem_strdup(place);
}

void v8_members_error(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    if (v8_type(d->o, object) != TYPE_JS_ERROR)
        return;
    uint64_t stack = stack_of(d->o, object);
    if (v8_kind(d->o, stack) == KIND_STRING) {
        v8_members_text(d, m, "Stack", v8_string_utf8(d->o, stack, d->text_max));
        return;
    }
    for (int64_t i = 0; i < v8_array_length(d->o, stack) && i < FRAMES_MAX; i++) {
        char *text = frame_text(d, v8_array_get(d->o, stack, i));
        if (text)
            v8_members_text(d, m, "StackFrame", text);
    }
}
