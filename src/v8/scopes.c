#include "v8/scopes.h"

/* ScopeType, src/objects/scope-info.tq: 9.4 to 12.4 begin with CLASS_SCOPE, 13.6 to 14.6 with
 * SCRIPT_SCOPE and REPL_MODE_SCOPE. */
static enum v8_scope_type type_of(unsigned number, bool new_numbers) {
    static const uint8_t before_13[] = {
        SCOPE_CLASS,  SCOPE_EVAL,  SCOPE_FUNCTION, SCOPE_MODULE,
        SCOPE_SCRIPT, SCOPE_CATCH, SCOPE_BLOCK,    SCOPE_WITH,
    };
    static const uint8_t from_13[] = {
        SCOPE_SCRIPT, SCOPE_SCRIPT, SCOPE_CLASS, SCOPE_EVAL, SCOPE_FUNCTION,
        SCOPE_MODULE, SCOPE_CATCH,  SCOPE_BLOCK, SCOPE_WITH,
    };
    if (new_numbers)
        return number < sizeof from_13 ? (enum v8_scope_type)from_13[number] : SCOPE_UNKNOWN;
    return number < sizeof before_13 ? (enum v8_scope_type)before_13[number] : SCOPE_UNKNOWN;
}

/* What is of variable length stands in one order in all versions (src/objects/scope-info.tq): names
 * and infos of context locals, a class variable, the receiver (9 only), the function's name and
 * slot, the inferred name, the positions (up to 12). */
bool v8_scope_read(struct v8_objects *o, uint64_t scope_info, struct v8_scope *ret) {
    enum { INLINE_NAMES_MAX = 75, LOCALS_MAX = 1 << 20 };
    int flavour = o->l->facts.scope_info_flavour;
    bool fixed_positions = flavour >= 136;
    struct v8_scope s = {.addr = scope_info, .table_at = -1};
    uint64_t count;
    if (v8_kind(o, scope_info) != KIND_SCOPE_INFO ||
        !v8_field_u32(o, scope_info, fixed_positions ? 8 : 12, &s.flags) ||
        !v8_field(o, scope_info, 24, &count) || v8_smi(count) < 0 || v8_smi(count) > LOCALS_MAX)
        return false;
    s.n_locals = v8_smi(count);
    s.type = type_of(s.flags & 15, fixed_positions);
    int32_t at = fixed_positions ? 0x30 : 0x20;
    if (s.type == SCOPE_MODULE && (fixed_positions || flavour == 124))
        at += 8; /* a module's count of variables */
    s.names_at = at;
    if (flavour != 94 && s.n_locals >= INLINE_NAMES_MAX) {
        s.table_at = at;
        s.names_at = -1;
    }
    at += (s.table_at < 0 ? 8 * s.n_locals : 8) + 8 * s.n_locals;
    unsigned receiver = s.flags >> 7 & 3;
    if (s.flags >> 10 & 1)
        at += 8;
    if (flavour == 94 && (receiver == 1 || receiver == 2))
        at += 8;
    s.name_at = s.flags & 0x3000 ? at : -1;
    at += s.flags & 0x3000 ? 16 : 0;
    s.inferred_at = s.flags >> 14 & 1 ? at : -1;
    at += s.flags >> 14 & 1 ? 8 : 0;
    s.positions_at = fixed_positions ? 0x20 : at;
    *ret = s;
    return true;
}
