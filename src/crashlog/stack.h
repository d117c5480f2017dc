/* The stacks of a crash: what was being made room for as it died, and where the program was. */
#ifndef MEMWHY_CRASHLOG_STACK_H
#define MEMWHY_CRASHLOG_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the frames of V8 and Node say was being done; the most telling one counts. */
struct stack_doing {
    const char *what; /* "a Map was being enlarged"; NULL: the stack does not say */
    bool one_block;   /* that takes one block, as large as the thing itself */
    const char *kind; /* a word for it: "map", "array", "string", "small-object", ... */
    uint64_t line;
    int rank; /* how telling */
};

/* A native frame somewhere in the line (" 7: 0xd64bd5 v8::internal::Heap::...")? The next at or
 * behind `*at`, which moves behind it. */
bool stack_native_frame(const char **at, const char **ret_begin);
/* Takes what a frame says. */
void stack_learn(struct stack_doing *d, const char *frame, uint64_t line);

/* The name and place of a frame of JavaScript ("heap at /app/die.js:5"); false when the line has
 * none. The text goes to `ret`. */
bool stack_js_frame(const char *line, char *ret, size_t size);

#endif
