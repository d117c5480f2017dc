/* Does a condition hold? Pure functions of what was seen. What is unknown never holds, and is never
 * said not to: it is unknown, and why. */
#ifndef MEMWHY_WATCH_JUDGE_H
#define MEMWHY_WATCH_JUDGE_H

#include "watch/rule.h"
#include "watch/track.h"

enum watch_truth { WATCH_UNKNOWN, WATCH_NO, WATCH_YES };

/* What an endpoint answered last. */
struct watch_probe {
    enum { PROBE_NONE, PROBE_ANSWERED, PROBE_TIMED_OUT, PROBE_FAILED } outcome;
    uint64_t number;     /* counts up: a new one is a new observation */
    uint64_t latency_ns; /* to the whole answer; of PROBE_TIMED_OUT how long it was waited for */
    int status;          /* of PROBE_ANSWERED */
    const char *why;     /* of PROBE_FAILED: a clause, static */
};

struct watch_reading {
    enum watch_truth truth;
    bool has_value; /* in the unit of the term */
    double value;
    bool has_interval; /* 95 %; of a slope and of what is worked out from it */
    double low, high;
    bool has_limit; /* what `value` was compared with, in its unit */
    double limit;
    bool at_least; /* the value is at least that: nobody waited longer */
    int status;    /* of an endpoint; 0 unknown */
    char why[256]; /* unknown: a clause */
};

/* Why something cannot be had of a process at all: clauses; NULL: it can, or it may. */
struct watch_lacks {
    const char *v8; /* V8's counters */
    const char *gc; /* the pauses of its collections */
};

/* What a condition is judged by. */
struct watch_seen {
    const struct sample *sample; /* the last */
    const struct track *track; /* of the field, the last sample in it, when the term has a window */
    const struct track *collections; /* of SAMPLE_GC_MAJOR, likewise; nothing in it: not counted */
    const struct watch_probe *probe; /* of the endpoint, when it has one */
    struct watch_lacks lacks;
};

void watch_term_judge(const struct watch_term *t, const struct watch_seen *seen,
                      struct watch_reading *ret);

/* The rule holds when all of its terms do; it does not when one does not; else it is unknown. */
enum watch_truth watch_truth_of_all(const struct watch_reading *readings, size_t n);

#endif
