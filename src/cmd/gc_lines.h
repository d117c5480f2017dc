/* How `gc-trace` prints a collection, and what it counts for the end. */
#ifndef MEMWHY_CMD_GC_LINES_H
#define MEMWHY_CMD_GC_LINES_H

#include "base/vec.h"
#include "model/sample.h"
#include <jansson.h>
#include <stdio.h>

/* All collections of one kind, of a process's main thread or of its workers. */
struct gc_tally {
    pid_t pid;
    bool workers;
    enum gc_kind kind;
    uint64_t count, total_ns, longest_ns;
    uint64_t steps_ns; /* of marking, beside the pauses */
};

struct gc_tallies {
    VEC(struct gc_tally) list;
};

void gc_tallies_add(struct gc_tallies *t, const struct gc_event *e);
void gc_tallies_done(struct gc_tallies *t);

/* A line as --trace-gc has it. `boot_ns` leads from the monotonic clock to the time since boot. */
void gc_line_print(FILE *out, const struct gc_event *e, int64_t boot_ns);
json_t *gc_line_json(const struct gc_event *e);
/* `watched_ns`: of which the shares are taken. Nothing when there was no collection. */
void gc_tallies_print(FILE *out, const struct gc_tallies *t, uint64_t watched_ns, unsigned width);
json_t *gc_tallies_json(const struct gc_tallies *t, uint64_t watched_ns);

#endif
