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

/* Function.prototype.toString: from the `function` before the parameters on. */
static char *source(struct v8_decoder *d, const struct v8_shared *s) {
    uint32_t start, end;
    if (!s->script || !v8_shared_range(d->o, s, &start, &end))
        return NULL;
    if (s->token_offset != UINT16_MAX && s->token_offset <= start)
        start -= s->token_offset;
    return v8_string_part_utf8(d->o, v8_field_or_0(d->o, s->script, SCRIPT_SOURCE), start, end,
                               d->text_max);
}

void v8_members_function(struct v8_decoder *d, uint64_t object, struct v8_members *m) {
    struct v8_shared s;
    if (v8_shared_read(d->o, v8_shared_of(d->o, object), &s) < 0)
        return;
    cleanup_free char *class = v8_constructor_name(d->o, object);
    const char *kind = v8_shared_is_class(&s)                    ? "class"
                       : class && strcmp(class, "Function") != 0 ? class
                                                                 : "function";
    bool is_wasm =
        !s.script && v8_kind(d->o, v8_field_or_0(d->o, s.addr, d->o->l->facts.shared_script)) ==
                         KIND_SCRIPT; /* its script is the module */
    const char *where = s.script ? "" : is_wasm ? " (WebAssembly)" : " (native)";
    v8_members_text(d, m, "FunctionKind", mem_printf("%s%s", kind, where));
    if (s.script) {
        v8_members_text(d, m, "FunctionLocation", v8_member_place(d, &s, PLACE_FUNCTION));
        v8_members_text(d, m, "Source", source(d, &s));
        v8_members_scopes(d, v8_context_of(d->o, object), m);
    }
}
