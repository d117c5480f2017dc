#include "v8/typed_arrays.h"

#include "v8/numbers.h"
#include "v8/properties.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

int v8_array_buffer_read(struct v8_objects *o, uint64_t object, struct v8_array_buffer *ret) {
    const struct v8_facts *f = &o->l->facts;
    struct v8_array_buffer b = {0};
    uint32_t bits;
    if (v8_type(o, object) != TYPE_JS_ARRAY_BUFFER ||
        !v8_field(o, object, f->array_buffer_byte_length, &b.byte_length) ||
        !v8_field(o, object, f->array_buffer_store, &b.store) ||
        !v8_field_u32(o, object, f->array_buffer_bit_field, &bits))
        return -EBADMSG;
    b.max_byte_length = f->array_buffer_max_byte_length < 0
                            ? b.byte_length
                            : v8_field_or_0(o, object, f->array_buffer_max_byte_length);
    b.is_detached = bits >> 2 & 1;
    b.is_shared = bits >> f->array_buffer_shared_bit & 1;
    b.is_resizable = bits >> f->array_buffer_resizable_bit & 1;
    *ret = b;
    return 0;
}

/* By the name of the built-in constructor that made the map, or from which its class derives. */
static const struct {
    const char *class;
    enum v8_number_kind kind;
    unsigned size;
} kinds[] = {
    {"Uint8Array", NUMBER_UINT8, 1},         {"Int8Array", NUMBER_INT8, 1},
    {"Uint16Array", NUMBER_UINT16, 2},       {"Int16Array", NUMBER_INT16, 2},
    {"Uint32Array", NUMBER_UINT32, 4},       {"Int32Array", NUMBER_INT32, 4},
    {"Float16Array", NUMBER_FLOAT16, 2},     {"Float32Array", NUMBER_FLOAT32, 4},
    {"Float64Array", NUMBER_FLOAT64, 8},     {"Uint8ClampedArray", NUMBER_UINT8, 1},
    {"BigUint64Array", NUMBER_BIGUINT64, 8}, {"BigInt64Array", NUMBER_BIGINT64, 8},
};

static void set_kind(struct v8_objects *o, uint64_t object, struct v8_typed_array *t) {
    cleanup_free char *class = v8_base_constructor_name(o, object);
    for (size_t i = 0; class && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(class, kinds[i].class) == 0) {
            t->kind = kinds[i].kind;
            t->size = kinds[i].size;
        }
}

static bool is_data_view(enum v8_type t) {
    return t == TYPE_JS_DATA_VIEW || t == TYPE_JS_RAB_GSAB_DATA_VIEW;
}

/* Those that grow with a resizable buffer have their own word for it (JSArrayBufferView::bit_field,
 * src/objects/js-array-buffer.tq): IsLengthTracking, IsBackedByRab. */
static void set_tracked(struct v8_objects *o, uint64_t object, struct v8_typed_array *t) {
    struct v8_array_buffer b;
    uint32_t bits = 0;
    if (o->l->facts.view_bit_field >= 0)
        v8_field_u32(o, object, o->l->facts.view_bit_field, &bits);
    t->tracks_length = bits & 1;
    if (v8_array_buffer_read(o, t->buffer, &b) < 0)
        return;
    if (b.is_detached || (b.is_resizable && t->byte_offset > b.byte_length))
        t->byte_length = 0;
    else if (t->tracks_length)
        t->byte_length = b.byte_length - t->byte_offset;
    else if (b.is_resizable && t->byte_length > b.byte_length - t->byte_offset)
        t->byte_length = 0; /* out of its bounds */
    if (b.is_detached)
        t->data = 0;
}

int v8_typed_array_read(struct v8_objects *o, uint64_t object, struct v8_typed_array *ret) {
    const struct v8_facts *f = &o->l->facts;
    struct v8_typed_array t = {.size = 1};
    enum v8_type type = v8_type(o, object);
    uint64_t external, base;
    if ((type != TYPE_JS_TYPED_ARRAY && !is_data_view(type)) ||
        !v8_field(o, object, f->view_byte_length - 8, &t.byte_offset) ||
        !v8_field(o, object, f->view_byte_length, &t.byte_length) ||
        !v8_field(o, object, f->view_buffer, &t.buffer))
        return -EBADMSG;
    if (type == TYPE_JS_TYPED_ARRAY) {
        if (!v8_field(o, object, f->typed_array_external, &external) ||
            !v8_field(o, object, f->typed_array_external + 8, &base))
            return -EBADMSG;
        t.data = v8_is_smi(base) ? external : base + external;
        set_kind(o, object, &t);
    }
    set_tracked(o, object, &t);
    t.length = t.byte_length / t.size;
    *ret = t;
    return 0;
}

/* IEEE 754 binary16. */
static double half(uint16_t h) {
    int exponent = h >> 10 & 31;
    double mantissa = h & 0x3ff, sign = h >> 15 ? -1 : 1;
    if (exponent == 31)
        return mantissa != 0 ? (double)NAN : sign * (double)INFINITY;
    double v = exponent ? mantissa + 1024 : mantissa;
    for (int e = exponent ? exponent : 1; e < 25; e++)
        v /= 2;
    for (int e = exponent; e > 25; e--)
        v *= 2;
    return sign * v;
}

char *v8_typed_array_element(struct v8_objects *o, const struct v8_typed_array *t, uint64_t index) {
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        float f32;
        double f64;
        uint64_t u64;
        int64_t i64;
    } v;
    if (!t->data || index >= t->length ||
        v8_objects_read(o, t->data + index * t->size, &v, t->size) < 0)
        return NULL;
    switch (t->kind) {
    case NUMBER_UINT8:
        return mem_printf("%u", v.u8);
    case NUMBER_INT8:
        return mem_printf("%d", v.i8);
    case NUMBER_UINT16:
        return mem_printf("%u", v.u16);
    case NUMBER_INT16:
        return mem_printf("%d", v.i16);
    case NUMBER_UINT32:
        return mem_printf("%" PRIu32, v.u32);
    case NUMBER_INT32:
        return mem_printf("%" PRId32, v.i32);
    case NUMBER_FLOAT16:
        return v8_number_text(half(v.u16));
    case NUMBER_FLOAT32:
        return v8_number_text((double)v.f32);
    case NUMBER_FLOAT64:
        return v8_number_text(v.f64);
    case NUMBER_BIGUINT64:
        return mem_printf("%" PRIu64 "n", v.u64);
    case NUMBER_BIGINT64:
        return mem_printf("%" PRId64 "n", v.i64);
    case NUMBER_NONE:
        break;
    }
    return NULL;
}
