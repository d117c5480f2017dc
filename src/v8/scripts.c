#include "v8/scripts.h"

#include "base/limits.h"
#include "base/search.h"
#include "v8/strings.h"

/* Fields of Script that did not move from 9 to 14 (src/objects/script.tq). */
enum { SOURCE = 8, NAME = 16, LINE_OFFSET = 24, COLUMN_OFFSET = 32, LINE_ENDS = 56 };

/* V8's own table, an array of Smis, made when a line was first asked for. */
static bool stored_line_ends(struct v8_objects *o, struct v8_script *s) {
    uint64_t ends = v8_field_or_0(o, s->addr, LINE_ENDS);
    int64_t n = v8_kind(o, ends) == KIND_ARRAY ? v8_array_length(o, ends) : -1;
    if (n <= 0 || (uint64_t)n > LIMIT_V8_SOURCE)
        return false;
    cleanup_free uint64_t *words = mem_grow(NULL, (size_t)n, 8);
    if (image_read(o->img, (ends & ~3ull) + 16, words, (size_t)n * 8) < 0)
        return false;
    for (int64_t i = 0; i < n; i++) {
        if (!v8_is_smi(words[i]) || v8_smi(words[i]) < 0 || (i && words[i] <= words[i - 1])) {
            vec_free(&s->line_ends);
            return false;
        }
        vec_push(&s->line_ends, (uint32_t)v8_smi(words[i]));
    }
    return true;
}

/* String::CalculateLineEnds: CR LF is one terminator, and it ends at the LF. */
static void computed_line_ends(struct v8_objects *o, struct v8_script *s) {
    struct v8_text t;
    uint64_t source = v8_field_or_0(o, s->addr, SOURCE);
    int64_t length = v8_string_length(o, source);
    if (length < 0 || (uint64_t)length > LIMIT_V8_SOURCE ||
        v8_string_read(o, source, LIMIT_V8_SOURCE, &t) < 0)
        return;
    for (size_t i = 0; i < t.n; i++) {
        uint16_t c = t.units[i];
        if (c == '\n' || c == 0x2028 || c == 0x2029 ||
            (c == '\r' && !(i + 1 < t.n && t.units[i + 1] == '\n')))
            vec_push(&s->line_ends, (uint32_t)i);
    }
    vec_push(&s->line_ends, (uint32_t)t.n);
    v8_text_done(&t);
}

static int32_t smi_field(struct v8_objects *o, uint64_t object, int32_t offset) {
    uint64_t v = v8_field_or_0(o, object, offset);
    return v8_is_smi(v) ? v8_smi(v) : 0;
}

bool v8_script_is_eval(struct v8_objects *o, uint64_t script) {
    return smi_field(o, script, o->l->facts.script_flags) & 1; /* CompilationType::kEval */
}

static struct v8_script *load(struct v8_objects *o, uint64_t script) {
    struct v8_script *s = mem_zalloc(sizeof *s);
    s->addr = script;
    s->name =
        v8_string_utf8(o, v8_field_or_0(o, script, o->l->facts.script_source_url), LIMIT_NAME);
    if (!s->name)
        s->name = v8_string_utf8(o, v8_field_or_0(o, script, NAME), LIMIT_NAME);
    s->is_eval = v8_script_is_eval(o, script);
    s->line_offset = smi_field(o, script, LINE_OFFSET);
    s->column_offset = smi_field(o, script, COLUMN_OFFSET);
    if (!stored_line_ends(o, s))
        computed_line_ends(o, s);
    return s;
}

const struct v8_script *v8_scripts_get(struct v8_scripts *s, struct v8_objects *o,
                                       uint64_t script) {
    for (size_t i = 0; i < s->list.n; i++)
        if (s->list.at[i]->addr == script)
            return s->list.at[i];
    if (v8_kind(o, script) != KIND_SCRIPT)
        return NULL;
    struct v8_script *loaded = load(o, script);
    vec_push(&s->list, loaded);
    return loaded;
}

void v8_scripts_done(struct v8_scripts *s) {
    for (size_t i = 0; i < s->list.n; i++) {
        free(s->list.at[i]->name);
        vec_free(&s->list.at[i]->line_ends);
        free(s->list.at[i]);
    }
    vec_free(&s->list);
}

bool v8_script_line(const struct v8_script *s, uint32_t position, uint32_t *ret_line,
                    uint32_t *ret_column) {
    size_t lo = first_where(s->line_ends.n, i, s->line_ends.at[i] >= position);
    if (lo == s->line_ends.n)
        return false;
    int64_t line = (int64_t)lo + s->line_offset + 1;
    int64_t column = (int64_t)position - (lo ? (int64_t)s->line_ends.at[lo - 1] + 1 : 0) + 1;
    if (lo == 0)
        column += s->column_offset;
    if (line < 1 || line > UINT32_MAX || column < 1 || column > UINT32_MAX)
        return false;
    *ret_line = (uint32_t)line;
    *ret_column = (uint32_t)column;
    return true;
}
