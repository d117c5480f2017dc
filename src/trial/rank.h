/* Is one sample larger than another, by how much, and could chance alone do that? Rank statistics
 * for a handful of values of which nothing is known but that they can be compared: the Mann-Whitney
 * (Wilcoxon rank sum) test with its exact distribution, ties included, and the Hodges-Lehmann shift
 * with the interval that goes with the test. As R's wilcox.test(exact=TRUE, conf.int=TRUE). */
#ifndef MEMWHY_TRIAL_RANK_H
#define MEMWHY_TRIAL_RANK_H

#include <stddef.h>

enum { RANK_MOST = 64 }; /* values of a sample: the distribution is counted, not approximated */

struct rank_shift {
    double p;          /* two-sided: so uneven or more, if both were the same */
    double shift;      /* the median of all differences y - x */
    double low, high;  /* of the shift */
    double confidence; /* of that interval: what was asked, or what so few values can have */
};

/* How much larger y is than x. Both have 1 to RANK_MOST values; anything else is -EINVAL. */
int rank_compare(const double *x, size_t nx, const double *y, size_t ny, double confidence,
                 struct rank_shift *ret);

/* The least p that samples of these sizes can have. */
double rank_least_p(size_t nx, size_t ny);

/* Of 1 value or more. */
double rank_median(const double *x, size_t n);

/* Holm's correction, in place: of n questions asked at once, some look answered by chance. */
void rank_holm(double *p, size_t n);

#endif
