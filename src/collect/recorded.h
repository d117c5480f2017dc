/* A moment of a recording as a TARGET: the deep look that was kept of a process then. No memory of
 * it is left, but all that was counted.
 *
 *   FILE.db               the last look of the one process in it
 *   FILE.db:PID           of this one
 *   FILE.db@WHEN          the last look at that time or before it
 *   FILE.db:PID@A..B      two moments, for commands that compare
 * WHEN: "first", "last"; "-10m" before the recording's end; "14:05" of the last day it had such a
 * time; "2026-11-22T14:05[:30]"; all in local time, or UTC with a "Z"; or seconds since 1970. */
#ifndef MEMWHY_COLLECT_RECORDED_H
#define MEMWHY_COLLECT_RECORDED_H

#include "base/err.h"
#include "model/evidence.h"
#include "record/store.h"
#include <jansson.h>

/* Kinds of deep looks in a store. */
#define RECORDED_EVIDENCE "evidence" /* model/evidence_keep.h */
#define RECORDED_HEAP "heap"         /* growth/summary_keep.h */

/* It begins with the name of a file that is a recording. */
bool recorded_is(const char *target);

/* As collect() of that moment. -ENODATA when nothing was kept of it, with what there is. */
int recorded_evidence(const char *target, struct evidence *ret, struct err *e);
/* What was kept of the heap at the same look; the caller's. `ret_wall_ns` (NULL: not wanted): when,
 * since 1970. */
int recorded_heap(const char *target, json_t **ret, uint64_t *ret_wall_ns, struct err *e);

/* Two targets of one: "F@A..B" is "F@A" and "F@B". False when it names one moment only. The caller
 * frees both. */
bool recorded_split(const char *target, char **ret_a, char **ret_b);

/* What was sampled of the process of "F:PID@A..B" from A to B. */
struct recorded_range {
    struct store *store;
    struct store_processes all;
    size_t process;          /* of them */
    uint64_t from_ns, to_ns; /* times of the store */
};
int recorded_range_open(const char *target, struct recorded_range *ret, struct err *e);
void recorded_range_close(struct recorded_range *r);

/* When: one word of the grammar above, between `first_ns` and `last_ns` of the recording (since
 * 1970). -EINVAL. */
int recorded_when(const char *word, uint64_t first_ns, uint64_t last_ns, uint64_t *ret_ns);

#endif
