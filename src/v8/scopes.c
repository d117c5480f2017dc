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

/* Where the fixed part of a ScopeInfo ends, and the bits of its flags (src/objects/scope-info.h of
 * 7.8, scope-info.tq since). Version 7.8 has a FixedArray: the flags are its first Smi, and no bit
 * for a class variable. */
struct shape {
    int32_t flags_at, locals_at, end;
    uint8_t class_variable, name, inferred; /* bits; 31: none */
};

static struct shape shape_of(int flavour) {
    if (!flavour)
        return (struct shape){20, 32, 0x28, 31, 11, 13};
    if (flavour < 136)
        return (struct shape){12, 24, 0x20, 10, 12, 14};
    return (struct shape){8, 24, 0x30, 10, 12, 14};
}

/* What is of variable length stands in one order in all versions: names and infos of context
 * locals, a class variable, the receiver (up to 9), the function's name and slot, the inferred
 * name, the positions (up to 12). */
bool v8_scope_read(struct v8_objects *o, uint64_t scope_info, struct v8_scope *ret) {
    enum { INLINE_NAMES_MAX = 75, LOCALS_MAX = 1 << 20 };
    enum { CONTEXT = 2 }; /* VariableAllocationInfo */
    int flavour = o->l->facts.scope_info_flavour;
    bool fixed_positions = flavour >= 136, all_inline = flavour <= 94;
    struct shape shape = shape_of(flavour);
    struct v8_scope s = {.addr = scope_info, .table_at = -1};
    uint64_t count;
    if (v8_kind(o, scope_info) != KIND_SCOPE_INFO ||
        !v8_field_u32(o, scope_info, shape.flags_at, &s.flags) ||
        !v8_field(o, scope_info, shape.locals_at, &count) || v8_smi(count) < 0 ||
        v8_smi(count) > LOCALS_MAX)
        return false;
    s.n_locals = v8_smi(count);
    s.type = type_of(s.flags & 15, fixed_positions);
    int32_t at = shape.end;
    if (s.type == SCOPE_MODULE && (fixed_positions || flavour == 124))
        at += 8; /* a module's count of variables */
    s.names_at = at;
    if (!all_inline && s.n_locals >= INLINE_NAMES_MAX) {
        s.table_at = at;
        s.names_at = -1;
    }
    at += (s.table_at < 0 ? 8 * s.n_locals : 8) + 8 * s.n_locals;
    unsigned receiver = s.flags >> 7 & 3;
    if (s.flags >> shape.class_variable & 1)
        at += 8;
    if (all_inline && (receiver == 1 || receiver == 2))
        at += 8;
    unsigned name = s.flags >> shape.name & 3;
    s.name_at = name ? at : -1;
    s.name_in_context = name == CONTEXT;
    /* Scope info and outer context, and where there may be one an extension (7.8: always, and the
     * native context; src/objects/contexts.h, 7.8 to 14.6). */
    s.header_slots = flavour ? 2 + (int32_t)(s.flags >> 26 & 1) : 4;
    at += name ? 16 : 0;
    s.inferred_at = s.flags >> shape.inferred & 1 ? at : -1;
    at += s.flags >> shape.inferred & 1 ? 8 : 0;
    s.positions_at = fixed_positions ? 0x20 : at;
    *ret = s;
    return true;
}
