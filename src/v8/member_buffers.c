/* ArrayBuffers and views of them. */
#include "v8/member_list.h"

#include "v8/typed_arrays.h"
#include <inttypes.h>

static void count(struct v8_decoder *d, struct v8_members *m, const char *name, uint64_t n) {
    v8_members_text(d, m, name, mem_printf("%" PRIu64, n));
}

static void flag(struct v8_decoder *d, struct v8_members *m, const char *name, bool is) {
    if (is)
        v8_members_text(d, m, name, mem_strdup("true"));
}

static void add_buffer(struct v8_decoder *d, const struct v8_array_buffer *b,
                       struct v8_members *m) {
    count(d, m, "ArrayBufferByteLength", b->byte_length);
    if (b->is_resizable)
        count(d, m, "ArrayBufferMaxByteLength", b->max_byte_length);
    flag(d, m, "IsShared", b->is_shared);
    flag(d, m, "IsDetached", b->is_detached);
    if (b->store)
        v8_members_text(d, m, "ArrayBufferData", mem_printf("0x%" PRIx64, b->store));
}

void v8_members_buffers(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_array_buffer b;
    struct v8_typed_array t;
    if (v8_array_buffer_read(d->o, object, &b) == 0)
        add_buffer(d, &b, m);
    if (v8_typed_array_read(d->o, object, &t) < 0)
        return;
    v8_members_slot(d, m, "ViewedArrayBuffer", t.buffer);
    count(d, m, "ByteOffset", t.byte_offset);
    count(d, m, "ByteLength", t.byte_length);
    if (t.kind != NUMBER_NONE)
        count(d, m, "ArrayLength", t.length);
    flag(d, m, "IsLengthTracking", t.tracks_length);
    if (t.data)
        v8_members_text(d, m, "Data", mem_printf("0x%" PRIx64, t.data));
}
