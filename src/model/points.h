/* A number over time. Times are seconds from anywhere, ascending; values are of any unit. What is
 * returned in a `struct points` is the caller's to free with vec_free(). */
#ifndef MEMWHY_MODEL_POINTS_H
#define MEMWHY_MODEL_POINTS_H

#include "base/vec.h"

struct point {
    double s, value;
};

struct points {
    struct point *at;
    size_t n, cap;
};

/* Those from `first` on to before `end`; borrowed. */
static inline struct points points_part(const struct points *p, size_t first, size_t end) {
    return (struct points){.at = p->at + first, .n = end - first};
}
static inline double points_seconds(const struct points *p) {
    return p->n ? p->at[p->n - 1].s - p->at[0].s : 0;
}

/* The median; reorders `values`. 0 of none. */
double points_median(double *values, size_t n);

#endif
