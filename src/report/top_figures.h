/* What `memwhy top` knows of a process, in figures, from its last two samples. Pure functions: no
 * terminal, no clock. What is unknown is no figure, never 0. */
#ifndef MEMWHY_REPORT_TOP_FIGURES_H
#define MEMWHY_REPORT_TOP_FIGURES_H

#include "base/fmt.h"
#include "model/sample.h"

struct top_slope {
    bool known;
    double bytes;     /* by which RSS rises a minute */
    double low, high; /* the interval of 95 % */
};

struct top_process {
    struct process_id id;
    pid_t parent; /* the nearest ancestor that may be shown; 0: none */
    /* As the target has them, hostile; NULL or "" unknown. */
    const char *command, *cgroup, *version;
    const char *no_v8; /* a sentence: why V8's counters cannot be had; NULL: they can */
    struct sample now, before;
    bool has_before; /* else nothing is known that takes two samples */
    bool gone;       /* it has ended since; `now` is what it was last */
    struct top_slope slope;
};

/* Who owns its memory, by counters alone: an estimate, as these count address space and only the
 * sum of it is counted by the kernel. The parts add up to RSS: what V8 and malloc say is taken as
 * far as it fits into what is anonymous, first what is surely touched, and the rest is `other`. */
enum top_part {
    TOP_V8_USED,
    TOP_V8_FREE,
    TOP_EXTERNAL, /* Buffers, and what else native code told V8 of */
    TOP_MALLOC,   /* without those */
    TOP_OTHER,    /* anonymous; all of it that is not told apart */
    TOP_FILES,    /* and shared memory */
    TOP_PARTS
};

struct top_parts {
    uint64_t bytes[TOP_PARTS];
    unsigned known; /* bit p: what is unknown has 0 bytes, and lies in `other` */
};

/* False when not even RSS is known. */
bool top_parts_of(const struct sample *s, struct top_parts *ret);
uint64_t top_parts_sum(const struct top_parts *p);

struct top_part_info {
    const char *key;   /* "v8_used", in JSON */
    const char *title; /* "V8 used" */
    char letter;       /* what a bar is drawn of, so that it is read without colours too */
};
const struct top_part_info *top_part_info(enum top_part p);

enum top_column {
    TOP_PID,
    TOP_RSS,
    TOP_BAR,
    TOP_HEAP_USED,
    TOP_HEAP_TOTAL,
    TOP_HEAP_LIMIT,
    TOP_ROOM,
    TOP_LIVE,
    TOP_GC_RATE,
    TOP_GC_TIME,
    TOP_SLOPE,
    TOP_CPU,
    TOP_CPU_TIME,
    TOP_THREADS,
    TOP_VERSION,
    TOP_COMMAND,
    TOP_COLUMNS
};

enum top_kind {
    TOP_KIND_TEXT,
    TOP_KIND_BYTES,
    TOP_KIND_DELTA,
    TOP_KIND_NS,
    TOP_KIND_COUNT,
    TOP_KIND_RATE,
    TOP_KIND_PERCENT
};

struct top_column_info {
    const char *key;     /* in JSON, where it is no field of the sample; and for --sort */
    const char *title;   /* "HEAP USED" */
    const char *meaning; /* for the list of what can be sorted by; NULL: it cannot */
    enum top_kind kind;
    unsigned width; /* columns that its values take */
    unsigned rank;  /* the lower, the sooner it is shown where there is little room */
};
const struct top_column_info *top_column_info(enum top_column c);
/* By key; -1: there is none that can be sorted by. */
int top_column_find(const char *key);

/* Its value: bytes, nanoseconds, a count, a number per second, or percent; a slope that may as well
 * be none is 0. False, and `ret` untouched, when it is unknown, or the column is text. */
bool top_figure(const struct top_process *p, enum top_column c, double *ret);
/* The same as shown: "12.3 MiB"; "steady" is a slope of 0; "?" unknown. */
char *top_figure_text(char buf[FMT_MAX], const struct top_process *p, enum top_column c);
/* It has less than a tenth of its heap's limit left. */
bool top_is_short(const struct top_process *p);

#endif
