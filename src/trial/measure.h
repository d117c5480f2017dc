/* What is measured of a run, and which way is better. */
#ifndef MEMWHY_TRIAL_MEASURE_H
#define MEMWHY_TRIAL_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

enum measure {
    MEASURE_SETTLED, /* RSS once it no longer moves, after the load */
    MEASURE_PEAK,    /* VmHWM by then */
    MEASURE_START,   /* RSS when it was ready */
    MEASURE_CPU,     /* user and system time of the process, until the load was over */
    MEASURE_GC,      /* its main threads stood still for, in all */
    MEASURE_READY,   /* from its start until it was ready */
    MEASURE_RATE,    /* requests a second */
    MEASURE_P50,     /* latencies */
    MEASURE_P95,
    MEASURE_P99,
    MEASURES
};

enum measure_unit { UNIT_BYTES, UNIT_NS, UNIT_PER_SECOND };

struct measure_kind {
    const char *key;   /* JSON: "settled_rss_bytes" */
    const char *title; /* "SETTLED" */
    const char *words; /* in a sentence: "settled RSS" */
    enum measure_unit unit;
    bool more_is_better;
    bool is_cost; /* what a saving may be paid with */
};

const struct measure_kind *measure_kind(enum measure m);

/* "12.3 MiB", "1.2 s", "812 / s"; signed: with + or -. The caller frees it. */
char *measure_text(enum measure m, double v, bool is_signed);

#endif
