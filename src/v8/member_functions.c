/* Functions: where they are, their text, and the variables they close over. */
#include "v8/member_list.h"

#include "base/limits.h"
#include "v8/contexts.h"
#include "v8/names.h"
#include "v8/numbers.h"
#include "v8/properties.h"
#include "v8/strings.h"
#include <string.h>

enum { SCOPES_MAX = 64, SCRIPT_SOURCE = 8 };

static const char *scope_type_name(enum v8_scope_type t) {
    static const char *const names[] = {
        [SCOPE_UNKNOWN] = "scope", [SCOPE_SCRIPT] = "script",     [SCOPE_CLASS] = "class",
        [SCOPE_EVAL] = "eval",     [SCOPE_FUNCTION] = "function", [SCOPE_MODULE] = "module",
        [SCOPE_CATCH] = "catch",   [SCOPE_BLOCK] = "block",       [SCOPE_WITH] = "with",
    };
    return names[t];
}

/* "function main", "block". */
static char *scope_name(struct v8_decoder *d, const struct v8_scope *s) {
    uint64_t name;
    cleanup_free char *text = NULL;
    const char *type = scope_type_name(s->type);
    for (int i = 0; i < 2 && !text; i++) {
        int32_t at = i ? s->inferred_at : s->name_at;
        if (at >= 0 && v8_field(d->o, s->addr, at, &name) && v8_string_length(d->o, name) > 0)
            text = v8_string_utf8(d->o, name, LIMIT_V8_NAME);
    }
    return text ? mem_printf("%s %s", type, text) : mem_strdup(type);
}

static void add_variable(struct v8_decoder *d, const struct v8_variable *v, const char *scope,
                         struct v8_members *m) {
    struct v8_member member = {.kind = MEMBER_VARIABLE, .value = v->value};
    member.name = v8_string_utf8(d->o, v->name, LIMIT_V8_NAME);
    if (!member.name)
        return;
    if (v->is_number) {
        member.value = 0;
        member.text = v8_number_text(v->number);
    } else if (v8_is_hole(d->o, v->value)) {
        member.value = 0;
        member.text = mem_strdup("<uninitialized>");
    }
    member.scope = mem_strdup(scope);
    v8_members_add(d, m, member);
}

void v8_members_scopes(struct v8_decoder *d, uint64_t context, struct v8_members *m) {
    for (int i = 0; context && i < SCOPES_MAX; i++) {
        struct v8_scope scope;
        struct v8_variables all;
        struct v8_variable found;
        if (!v8_context_scope(d->o, context, &scope))
            break;
        cleanup_free char *name = scope_name(d, &scope);
        v8_variables_open(d->o, context, &all);
        while (v8_variables_next(&all, &found))
            add_variable(d, &found, name, m);
        context = v8_context_outer(d->o, context);
    }
}

/* FunctionKind (src/objects/function-kind.h) up to the initialisers of classes. From 9 on modules
 * with top-level await have one of their own, and static members others than plain ones. */
static const char *kind_name(int flavour, const struct v8_shared *s) {
    static const char *const names_78[] = {
        "function",
        "module",
        "class",
        "class",
        "class",
        "class",
        "getter",
        "setter",
        "arrow function",
        "async arrow function",
        "async function",
        "async method",
        "async generator method",
        "async generator function",
        "generator function",
        "generator method",
        "method",
    };
    static const char *const names_94[] = {
        "function",
        "module",
        "async module",
        "class",
        "class",
        "class",
        "class",
        "getter",
        "getter",
        "setter",
        "setter",
        "arrow function",
        "async arrow function",
        "async function",
        "async method",
        "async method",
        "async generator method",
        "async generator method",
        "async generator function",
        "generator function",
        "generator method",
        "generator method",
        "method",
        "method",
    };
    bool is_old = flavour == 78;
    size_t n = is_old ? sizeof names_78 / sizeof *names_78 : sizeof names_94 / sizeof *names_94;
    unsigned kind = s->flags & 31;
    return kind >= n ? "class initializer" : is_old ? names_78[kind] : names_94[kind];
}

/* Where in the script its text is: of a class all of it, of a function from the `function` before
 * the parameters on, as Function.prototype.toString. */
static bool text_range(struct v8_decoder *d, uint64_t function, const struct v8_shared *s,
                       uint32_t *ret_start, uint32_t *ret_end) {
    enum { START = 8, END = 16 };
    struct v8_properties all;
    struct v8_property p;
    v8_properties_open(d->o, function, &all);
    while (v8_shared_is_class(s) && v8_properties_next(&all, &p)) {
        if (v8_type(d->o, p.value) != TYPE_CLASS_POSITIONS)
            continue;
        uint64_t start = v8_field_or_0(d->o, p.value, START);
        uint64_t end = v8_field_or_0(d->o, p.value, END);
        *ret_start = (uint32_t)v8_smi(start);
        *ret_end = (uint32_t)v8_smi(end);
        return v8_is_smi(start) && v8_is_smi(end) && v8_smi(start) >= 0 &&
               v8_smi(end) >= v8_smi(start);
    }
    if (!v8_shared_range(d->o, s, ret_start, ret_end))
        return false;
    if (s->token_offset != UINT16_MAX && s->token_offset <= *ret_start)
        *ret_start -= s->token_offset;
    return true;
}

static void add_text(struct v8_decoder *d, uint64_t function, const struct v8_shared *s,
                     struct v8_members *m) {
    uint32_t start, end;
    if (!text_range(d, function, s, &start, &end))
        return;
    v8_members_text(d, m, "FunctionLocation", v8_place_at(&d->places, s->script, start));
    v8_members_text(d, m, "Source",
                    v8_string_part_utf8(d->o, v8_field_or_0(d->o, s->script, SCRIPT_SOURCE), start,
                                        end, d->text_max));
}

/* The script of what WebAssembly exports is its module. */
static bool is_wasm(struct v8_decoder *d, const struct v8_shared *s) {
    return !s->script &&
           v8_kind(d->o, v8_field_or_0(d->o, s->addr, d->o->l->facts.shared_script)) == KIND_SCRIPT;
}

void v8_members_function(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_shared s;
    if (v8_shared_read(d->o, v8_shared_of(d->o, object), &s) < 0)
        return;
    const char *where = s.script ? "" : is_wasm(d, &s) ? " (WebAssembly)" : " (native)";
    v8_members_text(d, m, "FunctionKind",
                    mem_printf("%s%s", kind_name(d->o->l->facts.kinds_flavour, &s), where));
    if (s.script) {
        add_text(d, object, &s, m);
        v8_members_scopes(d, v8_context_of(d->o, object), m);
    }
}
