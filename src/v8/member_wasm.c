/* WebAssembly: modules, instances, memories, tables, globals. */
#include "v8/member_list.h"

#include "v8/numbers.h"
#include "v8/typed_arrays.h"
#include <inttypes.h>
#include <string.h>

/* src/wasm/wasm-objects.tq, 9.4 to 14.6; what moved is a fact. */
enum {
    MEMORY_BUFFER = 24,
    GLOBAL_BYTES = 32,
    GLOBAL_VALUES = 40,
    GLOBAL_OFFSET = 48,
    GLOBAL_TYPE = 56,
    GLOBAL_MUTABLE = 64,
};

static void slot_at(struct v8_decoder *d, uint64_t object, const char *name, int32_t offset,
                    struct v8_members *m) {
    if (offset > 0)
        v8_members_slot(d, m, name, v8_field_or_0(d->o, object, offset));
}

static int32_t smi_at(struct v8_objects *o, uint64_t object, int32_t offset) {
    uint64_t v = v8_field_or_0(o, object, offset);
    return v8_is_smi(v) ? v8_smi(v) : -1;
}

/* Numbers lie as bytes in an ArrayBuffer, references in an array. */
static char *number(struct v8_decoder *d, uint64_t global) {
    const struct v8_facts *f = &d->o->l->facts;
    struct v8_array_buffer b;
    int32_t at = smi_at(d->o, global, GLOBAL_OFFSET);
    int32_t type = smi_at(d->o, global, GLOBAL_TYPE) - f->wasm_i32_type;
    uint8_t bytes[8] = {0};
    float f32;
    double f64;
    int64_t i64;
    int32_t i32;
    if (at < 0 || f->wasm_type_step <= 0 || type < 0 || type % f->wasm_type_step ||
        v8_array_buffer_read(d->o, v8_field_or_0(d->o, global, GLOBAL_BYTES), &b) < 0)
        return NULL;
    type /= f->wasm_type_step;
    if (v8_objects_read(d->o, b.store + (uint32_t)at, bytes, type == 0 || type == 2 ? 4 : 8) < 0)
        return NULL;
    memcpy(&i32, bytes, sizeof i32);
    memcpy(&f32, bytes, sizeof f32);
    memcpy(&i64, bytes, sizeof i64);
    memcpy(&f64, bytes, sizeof f64);
    switch (type) {
    case 0:
        return mem_printf("%" PRId32, i32);
    case 1:
        return mem_printf("%" PRId64 "n", i64);
    case 2:
        return v8_number_text((double)f32);
    case 3:
        return v8_number_text(f64);
    default:
        return NULL;
    }
}

static void add_global(struct v8_decoder *d, uint64_t global, struct v8_members *m) {
    uint64_t values = v8_field_or_0(d->o, global, GLOBAL_VALUES);
    int32_t at = smi_at(d->o, global, GLOBAL_OFFSET);
    if (at >= 0 && at < v8_array_length(d->o, values))
        v8_members_slot(d, m, "Value", v8_array_get(d->o, values, at));
    else
        v8_members_text(d, m, "Value", number(d, global));
    if (smi_at(d->o, global, GLOBAL_MUTABLE) == 1)
        v8_members_text(d, m, "IsMutable", mem_strdup("true"));
}

/* WasmArray: its length behind the JSReceiver's words (src/wasm/wasm-objects.tq). */
static void add_array_length(struct v8_decoder *d, uint64_t array, struct v8_members *m) {
    enum { LENGTH = 16 };
    uint32_t length;
    if (v8_field_u32(d->o, array, LENGTH, &length))
        v8_members_text(d, m, "Length", mem_printf("%" PRIu32, length));
}

void v8_members_wasm(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    const struct v8_facts *f = &d->o->l->facts;
    switch (v8_type(d->o, object)) {
    case TYPE_WASM_MEMORY_OBJECT:
        slot_at(d, object, "Buffer", MEMORY_BUFFER, m);
        slot_at(d, object, "MaximumPages", f->wasm_memory_maximum, m);
        break;
    case TYPE_WASM_TABLE_OBJECT:
        if (f->wasm_table_entries < 0)
            break;
        slot_at(d, object, "Entries", f->wasm_table_entries, m);
        slot_at(d, object, "Length", f->wasm_table_entries + 8, m);
        slot_at(d, object, "MaximumLength", f->wasm_table_entries + 16, m);
        break;
    case TYPE_WASM_GLOBAL_OBJECT:
        add_global(d, object, m);
        break;
    case TYPE_WASM_ARRAY:
        add_array_length(d, object, m);
        break;
    case TYPE_WASM_INSTANCE_OBJECT:
        if (f->wasm_instance_module < 0)
            break;
        slot_at(d, object, "Module", f->wasm_instance_module, m);
        slot_at(d, object, "Exports", f->wasm_instance_module + 8, m);
        break;
    default:
        break;
    }
}
