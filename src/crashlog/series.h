/* How large the heap was after each full collection, over a run of any length, in constant memory:
 * when there are too many points every second one is dropped. */
#ifndef MEMWHY_CRASHLOG_SERIES_H
#define MEMWHY_CRASHLOG_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERIES_POINTS = 512 };

struct series_point {
    double ms, mib;
};

struct series {
    struct series_point *at; /* NULL before the first */
    size_t n;
    uint64_t every, seen; /* one of so many is kept; points seen */
    struct series_point last;
};

void series_add(struct series *s, double ms, double mib);
void series_done(struct series *s);

struct trend {
    double mib_per_min;
    double from_ms, to_ms, from_mib, to_mib; /* the line that fits best */
    double fits;                             /* 0 not at all, 1 exactly (r²) */
    size_t points;
};
/* Of the latter half of the time; false below 4 points. */
bool series_trend(const struct series *s, struct trend *ret);
/* Since when it has been above `mib` without a break; false if it is not above at the end. */
bool series_above_since(const struct series *s, double mib, double *ret_ms);

#endif
