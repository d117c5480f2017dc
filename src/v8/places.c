#include "v8/places.h"

#include "base/limits.h"
#include "v8/strings.h"
#include <errno.h>

enum { EVAL_FROM_SHARED = 72, EVAL_FROM_POSITION = 80, EVAL_DEPTH_MAX = 16 };

/* The format of a position table, which must fit the bytecode. Of a build between two that are
 * known either may be right: the one that alone fits a table. 0: not known. */
static int format_of(struct v8_places *p, const uint8_t *table, size_t n, const uint8_t *code,
                     size_t n_code) {
    enum { OLD = 94, NEW = 146 };
    int known = p->o->l->exact ? p->o->l->facts.positions_flavour : p->positions_format;
    if (known)
        return v8_positions_fit(table, n, known, p->sizes, code, n_code) ? known : 0;
    bool old = v8_positions_fit(table, n, OLD, p->sizes, code, n_code);
    bool new = v8_positions_fit(table, n, NEW, p->sizes, code, n_code);
    if (old != new)
        p->positions_format = old ? OLD : NEW;
    return p->positions_format;
}

/* The position that V8's table has for a bytecode. */
static int position_of(struct v8_places *p, uint64_t bytecode, int32_t offset, uint32_t *ret) {
    struct v8_objects *o = p->o;
    const struct v8_facts *f = &o->l->facts;
    size_t n;
    int64_t n_code = v8_kind(o, bytecode) == KIND_BYTECODE ? v8_array_length(o, bytecode) : -1;
    if (n_code < 0 || n_code > LIMIT_V8_CODE)
        return -ENODATA;
    cleanup_free uint8_t *table =
        v8_bytes_get(o, v8_field_or_0(o, bytecode, f->bytecode_positions), LIMIT_V8_CODE, &n);
    cleanup_free uint8_t *code = mem_alloc((size_t)n_code + 1);
    if (!table || !n ||
        image_read(o->img, (bytecode & ~3ull) + (uint32_t)f->bytecode_header, code,
                   (size_t)n_code) < 0)
        return -ENODATA;
    int format = format_of(p, table, n, code, (size_t)n_code);
    return format ? v8_position_at(table, n, format, offset, ret) : -ENODATA;
}

/* Script::GetEvalPosition: negative while it is still an offset in the bytecode of the caller. */
static bool eval_position(struct v8_places *p, uint64_t script, const struct v8_shared *caller,
                          uint32_t *ret) {
    uint64_t position = v8_field_or_0(p->o, script, EVAL_FROM_POSITION);
    if (v8_is_smi(position) && v8_smi(position) > 0) {
        *ret = (uint32_t)v8_smi(position);
        return true;
    }
    return v8_is_smi(position) && v8_smi(position) != INT32_MIN &&
           position_of(p, caller->bytecode, -v8_smi(position), ret) == 0;
}

/* FormatEvalOrigin of src/objects/call-site-info.cc: "eval at f (file:1:2)", nested for evals of
 * evals: so many closing brackets are kept for the end. */
static char *eval_origin(struct v8_places *p, uint64_t script) {
    char *text = mem_strdup("");
    int depth = 0;
    for (; depth < EVAL_DEPTH_MAX; depth++) {
        struct v8_shared caller;
        uint32_t position, line, column;
        char *old = text;
        if (v8_shared_read(p->o, v8_field_or_0(p->o, script, EVAL_FROM_SHARED), &caller) < 0)
            break;
        uint64_t name = v8_shared_debug_name(p->o, &caller);
        cleanup_free char *function = name ? v8_string_utf8(p->o, name, LIMIT_V8_NAME) : NULL;
        const struct v8_script *s = v8_scripts_get(&p->scripts, p->o, caller.script);
        text = mem_printf("%seval at %s", old, function ? function : "<anonymous>");
        free(old);
        if (!s)
            break;
        old = text;
        bool placed = eval_position(p, script, &caller, &position) &&
                      v8_script_line(s, position, &line, &column);
        if (s->is_eval && !s->name)
            text = mem_printf("%s (", old);
        else if (s->name && placed)
            text = mem_printf("%s (%s:%u:%u", old, s->name, line, column);
        else
            text = mem_printf("%s (%s", old, s->name ? s->name : "unknown source");
        free(old);
        script = caller.script;
        if (!s->is_eval || s->name) {
            depth++;
            break;
        }
    }
    for (; depth > 0; depth--) {
        char *old = text;
        text = mem_printf("%s)", old);
        free(old);
    }
    return text;
}

static char *script_name(struct v8_places *p, const struct v8_script *s) {
    if (s->name && *s->name)
        return mem_strdup(s->name);
    if (!s->is_eval)
        return mem_strdup("<anonymous>");
    cleanup_free char *origin = eval_origin(p, s->addr);
    return mem_printf("%s, <anonymous>", origin);
}

void v8_place_set(struct v8_places *p, const struct v8_shared *s, uint64_t bytecode, int32_t offset,
                  struct stack_frame *ret) {
    const struct v8_script *script = v8_scripts_get(&p->scripts, p->o, s->script);
    uint32_t position, end;
    if (!script)
        return;
    ret->script = script_name(p, script);
    if (offset != PLACE_FUNCTION && position_of(p, bytecode, offset, &position) == 0 &&
        v8_script_line(script, position, &ret->line, &ret->column)) {
        ret->line_kind = LINE_EXACT;
        return;
    }
    if (!v8_shared_range(p->o, s, &position, &end))
        return;
    if (s->token_offset != UINT16_MAX && s->token_offset <= position)
        position -= s->token_offset; /* the `function` before the parameters */
    if (v8_script_line(script, position, &ret->line, &ret->column))
        ret->line_kind = LINE_FUNCTION;
}

char *v8_place_at(struct v8_places *p, uint64_t script, uint32_t position) {
    const struct v8_script *s = v8_scripts_get(&p->scripts, p->o, script);
    uint32_t line, column;
    if (!s || !v8_script_line(s, position, &line, &column))
        return NULL;
    cleanup_free char *name = script_name(p, s);
    return mem_printf("%s:%u:%u", name, line, column);
}
