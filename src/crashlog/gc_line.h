/* One line of V8's --trace-gc, which is also what stands under "Last few GCs":
 *
 *   [PID:0xISOLATE]   12345 ms: Mark-Compact (reduce) 43.1 (78.8) -> 39.9 (41.0) MB, pooled: 0 MB,
 *   198.93 / 0.00 ms  (+ 2.1 ms in 5 steps since start of marking, ...) (average mu = 0.390,
 *   current mu = 0.532) allocation failure; GC in old space requested
 *
 * Where written: GCTracer::Print and Heap's ring buffer of them (heap/gc-tracer.cc, V8 4.5
 * to 14.6). Without "[PID:...]" before V8 5.1, "Mark-sweep" before 10.9 (Node 20), "average mu"
 * from 6.7 (Node 10.? on), "pooled" from 13 on. The ring buffer cuts lines in the middle: what is
 * missing is not there, and two lines may run into one. Sizes are MiB, whatever the line calls
 * them. */
#ifndef MEMWHY_CRASHLOG_GC_LINE_H
#define MEMWHY_CRASHLOG_GC_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct gc_line {
    uint64_t pid, isolate; /* 0: not said */
    double ms;             /* since the isolate began, at the end of the collection */
    bool full;             /* of the whole heap; else of the young generation */
    bool reduce;           /* V8 is giving memory back, at the cost of time */
    bool last_resort;      /* the collection before giving up */
    double before, before_total, after, after_total; /* MiB: objects, and memory taken for them */
    bool has_after, has_after_total;
    double pause_ms, steps_ms; /* the pause itself; marking in steps before it */
    bool has_pause, has_mu;
    double average_mu, current_mu; /* share of the time that was the program's */
};

/* The first one at or behind `line`; ret_end is behind what was read. False: there is none. */
bool gc_line_parse(const char *line, struct gc_line *ret, const char **ret_end);

#endif
