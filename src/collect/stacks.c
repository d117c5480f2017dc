#include "collect/stacks.h"

#include "base/demangle.h"
#include "base/limits.h"
#include "image/unwind.h"
#include "v8/frames.h"
#include <errno.h>
#include <string.h>

struct stack_reader {
    struct image *img;
    const struct v8_layout *layout;
    struct code_map *code;
    struct v8_frames *frames; /* NULL: no V8, or nothing of it is known */
};

/* As gdb names it. */
static const char signal_name[] = "<signal handler called>";

struct stack_reader *stack_reader_new(struct image *img, const struct v8_layout *l) {
    struct stack_reader *r = mem_zalloc(sizeof *r);
    r->img = img;
    r->layout = l;
    r->code = code_map_new(img);
    code_map_open_all(r->code);
    if (l)
        v8_frames_prepare(l);
    return r;
}

void stack_reader_free(struct stack_reader *r) {
    if (!r)
        return;
    v8_frames_free(r->frames);
    code_map_free(r->code);
    free(r);
}

static bool is_generated(void *arg, uint64_t pc) {
    const struct stack_reader *r = arg;
    return r->frames && v8_frames_is_code(r->frames, pc);
}

static void add_native(struct thread_stack *t, const struct unwind_frame *f) {
    struct stack_frame x = {.kind = FRAME_NATIVE, .pc = f->pc, .fp = f->fp, .exact = f->exact};
    if (f->signal)
        x.name = mem_strdup(signal_name);
    vec_push(&t->frames, x);
}

static void take_thread(struct stack_reader *r, const struct image_thread *thread, size_t max,
                        bool with_args, struct thread_stack *t) {
    struct unwind_generated generated = {is_generated, r};
    struct unwind_frames frames;
    unwind_thread(r->img, r->code, &generated, thread, max, &frames);
    for (size_t i = 0; i < frames.list.n; i++) {
        const struct unwind_frame *f = &frames.list.at[i];
        if (f->generated) {
            struct v8_machine_frame at = {f->pc, f->fp, f->exact,
                                          i == 0 && thread->has_regs ? thread->regs : NULL};
            int isolate = v8_frames_at(r->frames, &at, with_args, t);
            if (isolate >= 0 && t->isolate < 0)
                t->isolate = isolate;
        } else {
            add_native(t, f);
        }
    }
    if (r->frames)
        v8_frames_async(r->frames, t->isolate, t);
    t->cut = frames.cut;
    vec_free(&frames.list);
}

/* -ENOTSUP: a V8 that is not understood. */
static int open_frames(struct stack_reader *r) {
    v8_frames_free(r->frames);
    r->frames = NULL;
    return r->layout ? v8_frames_open(r->img, r->layout, &r->frames) : -ENODATA;
}

void stack_reader_take(struct stack_reader *r, bool with_args, struct stacks *ret) {
    size_t n, left = LIMIT_FRAMES_ALL;
    const struct image_thread *threads = image_threads(r->img, &n);
    struct stacks s = {.unexplained = open_frames(r) == -ENOTSUP};
    for (size_t i = 0; i < n && i < LIMIT_THREADS; i++) {
        struct thread_stack t = {.tid = threads[i].tid, .isolate = -1};
        memcpy(t.name, threads[i].name, sizeof t.name);
        take_thread(r, &threads[i], left, with_args, &t);
        left -= t.frames.n < left ? t.frames.n : left;
        vec_push(&s.threads, t);
    }
    *ret = s;
}

static void name_frame(struct stack_reader *r, struct stack_frame *f) {
    const struct code_file *file = code_map_at(r->code, f->pc - !f->exact);
    struct elf_symbol symbol;
    if (!file)
        return;
    f->module = mem_strdup(file->path);
    f->offset = f->pc - file->start;
    if (f->name || code_map_symbol(r->code, f->pc - !f->exact, &symbol) < 0)
        return;
    f->name = demangle(symbol.name);
    f->offset = f->pc - file->bias - symbol.value;
}

void stack_reader_name(struct stack_reader *r, struct stacks *s) {
    for (size_t i = 0; i < s->threads.n; i++)
        for (size_t k = 0; k < s->threads.at[i].frames.n; k++)
            if (s->threads.at[i].frames.at[k].kind == FRAME_NATIVE)
                name_frame(r, &s->threads.at[i].frames.at[k]);
}
