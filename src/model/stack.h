/* The stacks of a moment: plain data, innermost frame first. */
#ifndef MEMWHY_MODEL_STACK_H
#define MEMWHY_MODEL_STACK_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

enum frame_kind {
    FRAME_NATIVE,  /* C, C++: of a module */
    FRAME_BUILTIN, /* V8's own code, written in Torque or assembler; it may stand for a JS function
                    */
    FRAME_JS,      /* a function of a script */
    FRAME_ENTRY,   /* where C++ called into JavaScript */
};

/* What ran a JS frame. */
enum frame_tier { TIER_UNKNOWN, TIER_INTERPRETED, TIER_BASELINE, TIER_MAGLEV, TIER_OPTIMISED };

enum frame_line {
    LINE_NONE,     /* not known, or there is none */
    LINE_EXACT,    /* of the call, as Error().stack prints it */
    LINE_FUNCTION, /* only where the function begins: V8 made no table of positions for it */
};

struct stack_frame {
    enum frame_kind kind;
    enum frame_tier tier;
    bool inlined;        /* has no machine frame of its own: part of the next that has one */
    bool is_constructor; /* called by `new` */
    bool is_async;       /* not on the stack: waits for what is (an await) */
    bool exact;        /* pc is where it stands (innermost, or interrupted by a signal), not where a
                        * call returns to */
    uint64_t pc, fp;   /* of the machine frame */
    uint64_t function; /* tagged JSFunction, 0 unknown */
    char *name;        /* demangled, or as Error().stack has it; NULL: unknown; "": anonymous */
    char *module;      /* path, of native frames; NULL: none */
    uint64_t offset;   /* pc - start of the symbol; without a name - start of the module */
    char *script;      /* path or URL; NULL: none */
    enum frame_line line_kind;
    uint32_t line, column; /* from 1 */
    VEC(char *) args;      /* summaries ("Object", "\"GET\"", "42"); only where asked for */
};

struct thread_stack {
    pid_t tid;
    char name[16];
    int isolate; /* index, -1: no JavaScript on it */
    VEC(struct stack_frame) frames;
    const char *cut; /* why the walk ended before the thread's first frame; NULL when it did not */
};

struct stacks {
    VEC(struct thread_stack) threads;
    bool unexplained; /* there is a V8, but not one whose functions can be named */
};

static inline void stack_frame_done(struct stack_frame *f) {
    free(f->name);
    free(f->module);
    free(f->script);
    for (size_t i = 0; i < f->args.n; i++)
        free(f->args.at[i]);
    vec_free(&f->args);
}

static inline void stacks_done(struct stacks *s) {
    for (size_t i = 0; i < s->threads.n; i++) {
        struct thread_stack *t = &s->threads.at[i];
        for (size_t k = 0; k < t->frames.n; k++)
            stack_frame_done(&t->frames.at[k]);
        vec_free(&t->frames);
    }
    vec_free(&s->threads);
}

#endif
