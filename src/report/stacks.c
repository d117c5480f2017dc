#include "report/stacks.h"

#include "base/demangle.h"
#include "base/text.h"
#include <inttypes.h>
#include <string.h>

#define DIM "\033[2m"
#define BOLD "\033[1m"
#define RESET "\033[0m"

/* Names longer than this push the place of their line to the right. */
enum { NAME_COLUMNS = 48 };

static const char *const kinds[] = {[FRAME_NATIVE] = "native",
                                    [FRAME_BUILTIN] = "builtin",
                                    [FRAME_JS] = "js",
                                    [FRAME_ENTRY] = "entry"};

static const char *const tiers[] = {[TIER_UNKNOWN] = NULL,
                                    [TIER_INTERPRETED] = "interpreted",
                                    [TIER_BASELINE] = "baseline",
                                    [TIER_MAGLEV] = "maglev",
                                    [TIER_OPTIMISED] = "optimised"};

static bool chosen(const struct report_stacks *how, const struct thread_stack *t) {
    char tid[16];
    snprintf(tid, sizeof tid, "%d", (int)t->tid);
    return !how->thread || !strcmp(how->thread, tid) || !strcmp(how->thread, t->name);
}

static bool shown(const struct report_stacks *how, const struct stack_frame *f) {
    if (how->native == how->js)
        return true;
    return how->native ? f->kind == FRAME_NATIVE : f->kind == FRAME_JS;
}

size_t report_stacks_chosen(const struct stacks *s, const struct report_stacks *how) {
    size_t n = 0;
    for (size_t i = 0; i < s->threads.n; i++)
        n += chosen(how, &s->threads.at[i]);
    return n;
}

/* --- text --- */

/* What stands in the column of names: a new string. */
static char *frame_name(const struct stack_frame *f) {
    if (!f->name && f->kind == FRAME_NATIVE)
        return f->module ? mem_printf("+0x%" PRIx64, f->offset) : mem_printf("0x%" PRIx64, f->pc);
    if (!f->name)
        return mem_strdup("?");
    cleanup_free char *brief = f->kind == FRAME_NATIVE ? demangle_short(f->name) : NULL;
    cleanup_free char *clean = text_printable(brief ? brief : f->name);
    if (!clean[0])
        return mem_strdup("(anonymous)");
    return mem_printf("%s%s", f->is_async ? "async " : "", clean);
}

static void print_args(FILE *out, const struct stack_frame *f) {
    if (!f->args.n)
        return;
    for (size_t i = 0; i < f->args.n; i++) {
        cleanup_free char *clean = text_printable(f->args.at[i]);
        fprintf(out, "%s%s", i ? ", " : "  (", clean);
    }
    fputc(')', out);
}

static void print_place(FILE *out, const struct stack_frame *f) {
    const char *slash = f->module ? strrchr(f->module, '/') : NULL;
    const char *place = f->script ? f->script : slash ? slash + 1 : f->module;
    if (!place)
        return;
    cleanup_free char *clean = text_printable(place);
    fprintf(out, "  %s", clean);
    if (f->line_kind != LINE_NONE)
        fprintf(out, ":%u:%u%s", f->line, f->column,
                f->line_kind == LINE_FUNCTION ? " (where it begins)" : "");
}

static void print_frame(FILE *out, const struct report_stacks *how, size_t number,
                        const struct stack_frame *f, size_t columns) {
    cleanup_free char *name = frame_name(f);
    size_t width = text_width(name);
    const char *bold = how->colour && f->kind == FRAME_JS ? BOLD : "";
    fprintf(out, "#%-3zu %-7s  %s%s%s", number, kinds[f->kind], bold, name, *bold ? RESET : "");
    print_args(out, f);
    const char *tier = tiers[f->tier];
    if (!f->args.n && width < columns && (f->script || f->module || tier))
        fprintf(out, "%*s", (int)(columns - width), "");
    print_place(out, f);
    if (tier || f->inlined)
        fprintf(out, "  %s[%s%s%s]%s", how->colour ? DIM : "", tier ? tier : "",
                tier && f->inlined ? ", " : "", f->inlined ? "inlined" : "",
                how->colour ? RESET : "");
    fputc('\n', out);
}

static size_t name_columns(const struct thread_stack *t) {
    size_t widest = 0;
    for (size_t i = 0; i < t->frames.n && i < 256; i++) {
        cleanup_free char *name = frame_name(&t->frames.at[i]);
        size_t width = text_width(name);
        if (width > widest)
            widest = width;
    }
    return widest < NAME_COLUMNS ? widest : NAME_COLUMNS;
}

static void print_thread(FILE *out, const struct report_stacks *how, const struct thread_stack *t) {
    cleanup_free char *name = text_printable(t->name);
    size_t columns = name_columns(t), printed = 0;
    fprintf(out, "%sThread %d%s%s%s", how->colour ? BOLD : "", (int)t->tid, name[0] ? " \"" : "",
            name, name[0] ? "\"" : "");
    if (t->isolate >= 0)
        fprintf(out, ", isolate %d", t->isolate);
    fprintf(out, "%s\n", how->colour ? RESET : "");
    for (size_t i = 0; i < t->frames.n; i++) {
        if (!shown(how, &t->frames.at[i]))
            continue;
        if (how->limit && printed == how->limit) {
            fputs("(more frames follow)\n", out);
            return;
        }
        print_frame(out, how, i, &t->frames.at[i], columns);
        printed++;
    }
    if (t->cut)
        fprintf(out, "(cut here: %s)\n", t->cut);
}

void report_stacks_text(FILE *out, const struct stacks *s, const struct report_stacks *how) {
    for (size_t i = 0; i < s->threads.n; i++) {
        if (!chosen(how, &s->threads.at[i]))
            continue;
        print_thread(out, how, &s->threads.at[i]);
        fputc('\n', out);
    }
}

/* --- JSON --- */

static void set_text(json_t *o, const char *key, const char *s) {
    if (s)
        json_object_set_new(o, key, text_json(s));
}

static void set_addr(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_sprintf("0x%" PRIx64, v));
}

static void set_flag(json_t *o, const char *key, bool on) {
    if (on)
        json_object_set_new(o, key, json_true());
}

static void set_line(json_t *o, const struct stack_frame *f) {
    if (f->line_kind == LINE_NONE)
        return;
    json_object_set_new(o, "line", json_integer(f->line));
    json_object_set_new(o, "column", json_integer(f->column));
    set_text(o, "line_kind", f->line_kind == LINE_EXACT ? "call" : "function");
}

static json_t *frame_json(const struct stack_frame *f) {
    json_t *o = json_object();
    set_text(o, "kind", kinds[f->kind]);
    set_text(o, "name", f->name);
    set_text(o, "script", f->script);
    set_line(o, f);
    set_text(o, "module", f->module);
    if (f->module)
        set_addr(o, "offset", f->offset);
    set_addr(o, "pc", f->pc);
    set_text(o, "tier", tiers[f->tier]);
    set_flag(o, "inlined", f->inlined);
    set_flag(o, "constructor", f->is_constructor);
    set_flag(o, "async", f->is_async);
    if (f->function)
        set_addr(o, "function", f->function);
    if (f->args.n) {
        json_t *args = json_array();
        for (size_t i = 0; i < f->args.n; i++)
            json_array_append_new(args, text_json(f->args.at[i]));
        json_object_set_new(o, "args", args);
    }
    return o;
}

static json_t *thread_json(const struct thread_stack *t, const struct report_stacks *how) {
    json_t *o = json_object(), *frames = json_array();
    json_object_set_new(o, "tid", json_integer(t->tid));
    if (t->name[0])
        set_text(o, "name", t->name);
    if (t->isolate >= 0)
        json_object_set_new(o, "isolate", json_integer(t->isolate));
    for (size_t i = 0; i < t->frames.n; i++) {
        if (!shown(how, &t->frames.at[i]))
            continue;
        if (how->limit && json_array_size(frames) == how->limit) {
            set_flag(o, "more_frames", true);
            break;
        }
        json_array_append_new(frames, frame_json(&t->frames.at[i]));
    }
    json_object_set_new(o, "frames", frames);
    set_text(o, "cut", t->cut);
    return o;
}

json_t *report_stacks_json(const struct stacks *s, const struct report_stacks *how) {
    json_t *threads = json_array();
    for (size_t i = 0; i < s->threads.n; i++)
        if (chosen(how, &s->threads.at[i]))
            json_array_append_new(threads, thread_json(&s->threads.at[i], how));
    return threads;
}
