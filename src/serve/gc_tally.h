/* How long the collections of each process took, as histograms over its kinds: what prom-client
 * keeps inside of a process. Counts from when a process was first watched. */
#ifndef MEMWHY_SERVE_GC_TALLY_H
#define MEMWHY_SERVE_GC_TALLY_H

#include "base/vec.h"
#include "model/sample.h"

/* The kinds are those of Node's perf_hooks, the bounds prom-client's (lib/metrics/gc.js of 15.1).
 */
enum gc_label { GC_LABEL_MAJOR, GC_LABEL_MINOR, GC_LABEL_INCREMENTAL, GC_LABELS };
enum { GC_BOUNDS = 6 };
extern const uint64_t gc_bounds_ns[GC_BOUNDS];
const char *gc_label_name(enum gc_label l); /* "major", ... */

struct gc_histogram {
    uint64_t count[GC_BOUNDS + 1]; /* not cumulative; the last: longer than all bounds */
    uint64_t sum_ns;
};

struct gc_tally_row {
    struct process_id process;
    struct gc_histogram of[GC_LABELS];
};

struct gc_tally {
    VEC(struct gc_tally_row) rows; /* ascending by process */
};

/* From now on its collections can be seen: no collection is a zero, not unknown. */
void gc_tally_watch(struct gc_tally *t, struct process_id p);
void gc_tally_forget(struct gc_tally *t, struct process_id p);
/* Of a process that is not watched: dropped. */
void gc_tally_add(struct gc_tally *t, const struct gc_event *e);
/* NULL: not watched. */
const struct gc_tally_row *gc_tally_find(const struct gc_tally *t, struct process_id p);
void gc_tally_done(struct gc_tally *t);

#endif
