#include "v8/functions.h"

#include "v8/scopes.h"
#include "v8/strings.h"
#include <errno.h>

/* Script::type; a function that WebAssembly exports has the module as its script. */
enum { SCRIPT_TYPE = 48 };
#define TYPE_WASM (3ull << 32)

uint64_t v8_shared_of(struct v8_objects *o, uint64_t function) {
    uint64_t shared;
    if (v8_kind(o, function) != KIND_FUNCTION ||
        !v8_field(o, function, o->l->facts.function_shared, &shared) ||
        v8_kind(o, shared) != KIND_SHARED)
        return 0;
    return shared;
}

uint64_t v8_bytecode_of(struct v8_objects *o, uint64_t data) {
    for (int depth = 0; depth < 3; depth++) { /* baseline code -> interpreter data -> bytecode */
        switch (v8_kind(o, data)) {
        case KIND_BYTECODE:
            return data;
        case KIND_INTERPRETER_DATA:
            data = v8_field_or_0(o, data, 8);
            break;
        case KIND_BASELINE_DATA: /* version 9: {code, data} */
            data = v8_field_or_0(o, data, 16);
            break;
        case KIND_CODE:
            data = v8_field_or_0(o, data, o->l->facts.code_data);
            break;
        default:
            return 0;
        }
    }
    return 0;
}

int v8_shared_read(struct v8_objects *o, uint64_t shared, struct v8_shared *ret) {
    const struct v8_facts *f = &o->l->facts;
    struct v8_shared s = {.addr = shared};
    uint32_t token;
    if (v8_kind(o, shared) != KIND_SHARED || !v8_field(o, shared, f->shared_name, &s.name) ||
        !v8_field(o, shared, f->shared_script, &s.script) ||
        !v8_field_u32(o, shared, f->shared_flags, &s.flags) ||
        !v8_field_u32(o, shared, f->shared_token, &token))
        return -EBADMSG;
    s.token_offset = (uint16_t)token;
    s.bytecode = v8_bytecode_of(o, v8_field_or_0(o, shared, 8));
    if (v8_kind(o, s.script) != KIND_SCRIPT || v8_field_or_0(o, s.script, SCRIPT_TYPE) == TYPE_WASM)
        s.script = 0;
    *ret = s;
    return 0;
}

static uint64_t name_at(struct v8_objects *o, uint64_t object, int32_t offset) {
    uint64_t name;
    return offset >= 0 && v8_field(o, object, offset, &name) && v8_string_length(o, name) > 0 ? name
                                                                                              : 0;
}

uint64_t v8_shared_own_name(struct v8_objects *o, const struct v8_shared *s) {
    struct v8_scope scope;
    if (v8_kind(o, s->name) == KIND_STRING)
        return v8_string_length(o, s->name) > 0 ? s->name : 0;
    return v8_scope_read(o, s->name, &scope) ? name_at(o, s->name, scope.name_at) : 0;
}

/* What a function has instead of a ScopeInfo until it is compiled (UncompiledData,
 * src/objects/shared-function-info.tq: inferred name, start, end); 0: none. */
enum { UNCOMPILED_NAME = 8, UNCOMPILED_START = 16, UNCOMPILED_END = 20 };

static uint64_t uncompiled_of(struct v8_objects *o, const struct v8_shared *s) {
    for (int32_t at = 8; at <= 16; at += 8) {
        uint64_t data = v8_field_or_0(o, s->addr, at);
        if (v8_kind(o, data) == KIND_UNCOMPILED)
            return data;
    }
    return 0;
}

uint64_t v8_shared_inferred_name(struct v8_objects *o, const struct v8_shared *s) {
    struct v8_scope scope;
    if (v8_scope_read(o, s->name, &scope))
        return name_at(o, s->name, scope.inferred_at);
    return name_at(o, uncompiled_of(o, s), UNCOMPILED_NAME);
}

uint64_t v8_shared_debug_name(struct v8_objects *o, const struct v8_shared *s) {
    uint64_t own = v8_shared_own_name(o, s);
    return own ? own : v8_shared_inferred_name(o, s);
}

bool v8_shared_range(struct v8_objects *o, const struct v8_shared *s, uint32_t *ret_start,
                     uint32_t *ret_end) {
    struct v8_scope scope;
    uint64_t start, end, uncompiled = uncompiled_of(o, s);
    if (uncompiled)
        return v8_field_u32(o, uncompiled, UNCOMPILED_START, ret_start) &&
               v8_field_u32(o, uncompiled, UNCOMPILED_END, ret_end) && *ret_start <= *ret_end;
    if (!v8_scope_read(o, s->name, &scope) || !v8_field(o, s->name, scope.positions_at, &start) ||
        !v8_field(o, s->name, scope.positions_at + 8, &end) || !v8_is_smi(start) ||
        !v8_is_smi(end) || v8_smi(start) < 0 || v8_smi(end) < v8_smi(start))
        return false;
    *ret_start = (uint32_t)v8_smi(start);
    *ret_end = (uint32_t)v8_smi(end);
    return true;
}
