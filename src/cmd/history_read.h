/* A recording's series, summed up and judged: what `memwhy history` shows of a process. */
#ifndef MEMWHY_CMD_HISTORY_READ_H
#define MEMWHY_CMD_HISTORY_READ_H

#include "model/trend.h"
#include "record/store.h"

struct history_field {
    enum sample_field field;
    struct store_series series;
    struct points tops; /* the most of each point: for the picture */
    double min, median, max, now;
    bool judged;
    struct trend_row row;
};

struct history {
    const struct store_process *process;
    uint64_t from_ns, to_ns;          /* times of the store */
    VEC(struct history_field) fields; /* those asked for of which anything is known */
    size_t damaged;
    /* Since the first sample; counts, and parts of the time. */
    bool has_major, has_minor, has_cpu;
    uint64_t gcs_major, gcs_minor, gc_pause_ns, gc_longest_ns;
    double cpu_part;
};

/* Fields whose bit is set; 0: those that are judged. */
int history_read(struct store *s, const struct store_process *p, uint64_t fields, uint64_t from_ns,
                 uint64_t to_ns, struct history *ret, struct err *e);
void history_done(struct history *h);

#endif
