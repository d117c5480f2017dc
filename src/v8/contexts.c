#include "v8/contexts.h"

#include "v8/functions.h"
#include <string.h>

/* src/objects/contexts.h: slots like those of an array; the same from 9.4 to 14.6. */
enum { SLOTS = 16, SCOPE_INFO = 16, PREVIOUS = 24 };

/* NameToIndexHashTable (src/objects/hash-table.h): three words of header, then name and index. */
enum { TABLE_ENTRIES = 3, TABLE_ENTRY = 2, TABLE_MAX = 1 << 22 };

/* ContextCell, src/objects/contexts.h of 14.6: what a variable that is assigned to is kept in. */
enum {
    CELL_VALUE = 8,
    CELL_STATE = 24,
    CELL_DOUBLE = 32,
    CELL_INT32 = 2, /* ContextCell::State */
    CELL_FLOAT64 = 3,
};

bool v8_is_context(struct v8_objects *o, uint64_t tagged) {
    int type = v8_instance_type(o, tagged);
    return type >= o->l->first_context_type && type <= o->l->last_context_type;
}

bool v8_is_native_context(struct v8_objects *o, uint64_t tagged) {
    return v8_instance_type(o, tagged) == o->l->native_context_type;
}

/* JSFunction: the shared function info, then the context (src/objects/js-function.tq). */
uint64_t v8_context_of(struct v8_objects *o, uint64_t function) {
    uint64_t context =
        v8_shared_of(o, function) ? v8_field_or_0(o, function, o->l->facts.function_shared + 8) : 0;
    return v8_is_context(o, context) ? context : 0;
}

uint64_t v8_context_outer(struct v8_objects *o, uint64_t context) {
    uint64_t outer = v8_is_context(o, context) ? v8_field_or_0(o, context, PREVIOUS) : 0;
    return v8_is_context(o, outer) ? outer : 0;
}

bool v8_context_scope(struct v8_objects *o, uint64_t context, struct v8_scope *ret) {
    return v8_is_context(o, context) && !v8_is_native_context(o, context) &&
           v8_scope_read(o, v8_field_or_0(o, context, SCOPE_INFO), ret);
}

void v8_variables_open(struct v8_objects *o, uint64_t context, struct v8_variables *ret) {
    struct v8_variables v = {.o = o, .context = context, .last = true};
    if (v8_context_scope(o, context, &v.scope)) {
        v.n = v.scope.n_locals;
        v.last = !v.scope.name_in_context;
        if (v.scope.table_at >= 0) {
            v.table = v8_field_or_0(o, v.scope.addr, v.scope.table_at);
            int64_t length = v8_array_length(o, v.table);
            v.n = length > TABLE_MAX ? 0 : (length - TABLE_ENTRIES) / TABLE_ENTRY;
        }
    }
    *ret = v;
}

/* What the slot holds, through the cell that may be there. */
static bool read_value(struct v8_objects *o, struct v8_variable *v) {
    uint32_t state;
    uint64_t bits;
    v->value = v->slot;
    if (v8_type(o, v->slot) != TYPE_CONTEXT_CELL)
        return true;
    v->value = v8_field_or_0(o, v->slot, CELL_VALUE);
    if (!v8_field_u32(o, v->slot, CELL_STATE, &state))
        return false;
    if (state != CELL_INT32 && state != CELL_FLOAT64)
        return true;
    if (!v8_field(o, v->slot, CELL_DOUBLE, &bits))
        return false;
    v->is_number = true;
    if (state == CELL_INT32)
        v->number = (int32_t)bits;
    else
        memcpy(&v->number, &bits, sizeof bits);
    return true;
}

static bool take(struct v8_variables *v, uint64_t name, int64_t slot, struct v8_variable *ret) {
    struct v8_variable found = {.name = name};
    uint64_t slots; /* as an array's length */
    if (v8_kind(v->o, name) != KIND_STRING || !v8_field(v->o, v->context, 8, &slots) || slot < 0 ||
        slot >= v8_smi(slots))
        return false;
    found.offset = (int32_t)(SLOTS + 8 * slot);
    if (!v8_field(v->o, v->context, found.offset, &found.slot) || !read_value(v->o, &found))
        return false;
    *ret = found;
    return true;
}

static bool take_local(struct v8_variables *v, int64_t i, struct v8_variable *ret) {
    int32_t header = v->scope.header_slots;
    uint64_t index;
    if (!v->table)
        return take(v, v8_field_or_0(v->o, v->scope.addr, v->scope.names_at + (int32_t)(8 * i)),
                    header + i, ret);
    int64_t entry = TABLE_ENTRIES + TABLE_ENTRY * i;
    index = v8_array_get(v->o, v->table, entry + 1);
    return v8_is_smi(index) &&
           take(v, v8_array_get(v->o, v->table, entry), header + v8_smi(index), ret);
}

bool v8_variables_next(struct v8_variables *v, struct v8_variable *ret) {
    while (v->at < v->n)
        if (take_local(v, v->at++, ret))
            return true;
    if (v->last)
        return false;
    v->last = true;
    uint64_t slot = v8_field_or_0(v->o, v->scope.addr, v->scope.name_at + 8);
    return v8_is_smi(slot) &&
           take(v, v8_field_or_0(v->o, v->scope.addr, v->scope.name_at), v8_smi(slot), ret);
}
