/* The text and the JSON of `memwhy bt`. Prints; computes nothing. */
#ifndef MEMWHY_REPORT_STACKS_H
#define MEMWHY_REPORT_STACKS_H

#include "model/stack.h"
#include <jansson.h>
#include <stdio.h>

/* Which frames of which threads. */
struct report_stacks {
    const char *thread; /* its id, or its name; NULL: all */
    bool native, js;    /* of these kinds only; neither: all */
    uint64_t limit;     /* frames a thread, innermost first; 0: all */
    bool colour;
};

/* How many threads are chosen. */
size_t report_stacks_chosen(const struct stacks *s, const struct report_stacks *how);
void report_stacks_text(FILE *out, const struct stacks *s, const struct report_stacks *how);
/* The array "threads". */
json_t *report_stacks_json(const struct stacks *s, const struct report_stacks *how);

#endif
