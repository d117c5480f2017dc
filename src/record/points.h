/* Points of one process over time, and the block of a store that holds some minutes or hours of
 * them: a column for each field, so that one can be read without the others. */
#ifndef MEMWHY_RECORD_POINTS_H
#define MEMWHY_RECORD_POINTS_H

#include "model/sample.h"
#include "record/packed.h"

enum { POINT_MEAN, POINT_MIN, POINT_MAX, POINT_VALUES };

/* One sample (samples 1, all three values the same) or the sum of some. */
struct point {
    uint64_t time_ms, last_ms; /* its beginning, and the last sample in it */
    uint64_t samples;
    uint64_t known;
    uint64_t value[SAMPLE_FIELDS][POINT_VALUES];
};

struct points {
    VEC(struct point) list; /* ascending by time */
};

void point_of_sample(const struct sample *s, uint64_t time_ms, struct point *ret);

/* `spread`: the points are sums, which have a least and a most; else one value of each is kept.
 * `start_ms` is not after the first. At most LIMIT_RECORD_POINTS of them. */
void points_pack(const struct points *p, uint64_t start_ms, bool spread, struct packed *ret);
/* The fields whose bit is set, appended to `ret`. -EBADMSG, and nothing is appended, when it is no
 * such block. */
int points_unpack(const void *bytes, size_t n, uint64_t start_ms, uint64_t fields,
                  struct points *ret);

/* Sums up points into steps: those of [k step, (k+1) step) become one. The least and the most of
 * each field survive, the mean is that of all samples, of what only rises the last is kept. Bytes
 * become whole pages and times milliseconds (2^20 ns), which a sum over seconds does not miss: the
 * least is rounded down, the most up. */
void points_sum(const struct points *p, uint64_t step_ms, struct points *ret);

void points_done(struct points *p);

#endif
