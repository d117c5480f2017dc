#include "v8/lengths.h"

#include "v8/collections.h"
#include "v8/strings.h"
#include "v8/typed_arrays.h"
#include <string.h>

/* Behind a JSObject's three words (src/objects/js-array.tq; the same from 7.8 to 14.6). */
enum { JS_ARRAY_LENGTH = 24 };

static int64_t array_length(struct v8_objects *o, uint64_t array) {
    uint64_t length, bits;
    double d;
    if (!v8_field(o, array, JS_ARRAY_LENGTH, &length))
        return -1;
    if (v8_is_smi(length))
        return v8_smi(length) < 0 ? -1 : v8_smi(length);
    if (v8_kind(o, length) != KIND_HEAP_NUMBER || !v8_field(o, length, 8, &bits))
        return -1; /* from 2^31 on a number of its own */
    memcpy(&d, &bits, sizeof d);
    return d >= 0 && d <= UINT32_MAX ? (int64_t)d : -1;
}

static int64_t entries(struct v8_objects *o, uint64_t collection) {
    struct v8_entries e;
    return v8_entries_open(o, collection, &e) == 0 ? e.count : -1;
}

static int64_t typed_length(struct v8_objects *o, uint64_t array) {
    struct v8_typed_array t;
    bool is_one = v8_typed_array_read(o, array, &t) == 0 && t.kind != NUMBER_NONE;
    return is_one && t.length <= INT64_MAX ? (int64_t)t.length : -1;
}

int64_t v8_length(struct v8_objects *o, uint64_t value) {
    switch (v8_kind(o, value)) {
    case KIND_STRING:
        return v8_string_length(o, value);
    case KIND_ARRAY:
    case KIND_BYTES:
        return v8_array_length(o, value);
    default:
        break;
    }
    switch (v8_type(o, value)) {
    case TYPE_JS_ARRAY:
        return array_length(o, value);
    case TYPE_JS_MAP:
    case TYPE_JS_SET:
    case TYPE_JS_WEAK_MAP:
    case TYPE_JS_WEAK_SET:
        return entries(o, value);
    case TYPE_JS_TYPED_ARRAY:
        return typed_length(o, value);
    default:
        return -1;
    }
}
