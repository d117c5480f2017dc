#include "v8/lengths.h"

#include "v8/strings.h"
#include <string.h>

/* JSArray::length and JSCollection::table stand behind a JSObject's three words; a hash table
 * counts its entries in the first element (src/objects/js-array.tq, js-collection.tq,
 * ordered-hash-table.h, hash-table.h; the same from 7.8 to 14.6). */
enum { BEHIND_OBJECT = 24, TABLE_LENGTH = 8, TABLE_ENTRIES = 16 };

static int64_t array_length(struct v8_objects *o, uint64_t array) {
    uint64_t length, bits;
    double d;
    if (!v8_field(o, array, BEHIND_OBJECT, &length))
        return -1;
    if (v8_is_smi(length))
        return v8_smi(length) < 0 ? -1 : v8_smi(length);
    if (v8_kind(o, length) != KIND_HEAP_NUMBER || !v8_field(o, length, 8, &bits))
        return -1; /* from 2^31 on a number of its own */
    memcpy(&d, &bits, sizeof d);
    return d >= 0 && d <= UINT32_MAX ? (int64_t)d : -1;
}

static int64_t table_entries(struct v8_objects *o, uint64_t collection) {
    uint64_t table, length, entries;
    if (!v8_field(o, collection, BEHIND_OBJECT, &table) ||
        !v8_field(o, table, TABLE_LENGTH, &length) || !v8_field(o, table, TABLE_ENTRIES, &entries))
        return -1;
    bool fits = v8_is_smi(length) && v8_is_smi(entries) && v8_smi(entries) >= 0 &&
                v8_smi(entries) <= v8_smi(length);
    return fits ? v8_smi(entries) : -1;
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
        return table_entries(o, value);
    default:
        return -1;
    }
}
