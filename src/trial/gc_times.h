/* How long the pauses of collections were, of what --trace-gc prints (V8 7 to 14; src/heap/
 * gc-tracer.cc, GCTracer::Print):
 *
 *   [4711:0x2b8c]      45 ms: Scavenge 4.1 (5.2) -> 3.9 (6.2) MB, 1.09 / 0.00 ms  (...) ...
 *   [4711:0x2b8c]     161 ms: Mark-Compact 9.2 (12.1) -> 8.1 (11.6) MB, pooled: 0 MB, 2.68 / 0.00
 * ms
 *
 * The first number behind the sizes is the pause. Steps of marking before it are not counted: V8 12
 * adds to them what was marked beside the program. */
#ifndef MEMWHY_TRIAL_GC_TIMES_H
#define MEMWHY_TRIAL_GC_TIMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of one line; false when it tells of no collection of `pid` (0: of whatever). */
bool gc_times_line(const char *line, pid_t pid, uint64_t *ret_ns);
/* The sum over a file; false when no line tells of any. */
bool gc_times_read(int fd, pid_t pid, uint64_t *ret_ns);

#endif
