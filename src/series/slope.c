#include "series/slope.h"

#include <math.h>

/* Of so many points the slopes of all pairs are as wide as an interval gets, however much they
 * follow from each other: where each is above the one before, growth is no chance. */
enum { ALL_PAIRS_POINTS = 6 };

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void slope_thin(const struct points *p, size_t most, struct points *ret) {
    struct points thin = {0};
    size_t groups = p->n < most ? p->n : most;
    for (size_t g = 0; g < groups; g++) {
        const struct point *least = &p->at[p->n * g / groups];
        for (size_t i = p->n * g / groups; i < p->n * (g + 1) / groups; i++)
            if (p->at[i].value < least->value)
                least = &p->at[i];
        vec_push(&thin, *least);
    }
    *ret = thin;
}

/* Slopes of all pairs, sorted. */
static size_t pair_slopes(const struct points *p, double *ret) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = i + 1; k < p->n; k++)
            if (p->at[k].s > p->at[i].s)
                ret[n++] = (p->at[k].value - p->at[i].value) / (p->at[k].s - p->at[i].s);
    qsort(ret, n, sizeof *ret, ascending);
    return n;
}

static double line_at_end(const struct points *p, double per_s) {
    double heights[SLOPE_POINTS_MAX], end = p->at[p->n - 1].s;
    for (size_t i = 0; i < p->n; i++)
        heights[i] = p->at[i].value + per_s * (end - p->at[i].s);
    return points_median(heights, p->n);
}

static double miss(const struct points *p, const struct slope *line, size_t i) {
    return p->at[i].value - line->at_end + line->per_s * (p->at[p->n - 1].s - p->at[i].s);
}

/* The share of independent ones among the points: 1 when none follows from the one before. */
static double independence(const struct points *p, const struct slope *line) {
    double product = 0, square = 0;
    for (size_t i = 0; i < p->n; i++) {
        double here = miss(p, line, i);
        square += here * here;
        product += i ? here * miss(p, line, i - 1) : 0;
    }
    double correlation = square > 0 ? product / square : 0;
    return correlation > 0 ? (1 - correlation) / (1 + correlation) : 1;
}

/* The variance of Kendall's S when there is no trend: equal values say nothing. */
static double kendall_variance(const struct points *p) {
    double sorted[SLOPE_POINTS_MAX] = {0}, n = (double)p->n, variance = n * (n - 1) * (2 * n + 5);
    for (size_t i = 0; i < p->n; i++)
        sorted[i] = p->at[i].value;
    qsort(sorted, p->n, sizeof *sorted, ascending);
    for (size_t i = 0, end; i < p->n; i = end) {
        for (end = i + 1; end < p->n && sorted[end] <= sorted[i]; end++)
            ;
        double ties = (double)(end - i);
        variance -= ties * (ties - 1) * (2 * ties + 5);
    }
    return variance / 18;
}

static bool slope_of_few(const struct points *p, double z, struct slope *ret) {
    double *pairs = mem_alloc(p->n * (p->n - 1) / 2 * sizeof *pairs);
    size_t n = pair_slopes(p, pairs);
    if (n) {
        struct slope line = {.low = -INFINITY, .high = INFINITY};
        line.per_s = n % 2 ? pairs[n / 2] : (pairs[n / 2 - 1] + pairs[n / 2]) / 2;
        line.at_end = line_at_end(p, line.per_s);
        double share = independence(p, &line);
        line.counts = share * (double)p->n;
        double reach = z * sqrt(kendall_variance(p) / share);
        if (p->n >= ALL_PAIRS_POINTS)
            reach = fmin(reach, (double)n - 2);
        double first = floor(((double)n - reach) / 2), last = ceil(((double)n + reach) / 2);
        if (first >= 1 && last < (double)n + 1) {
            line.low = pairs[(size_t)first - 1];
            line.high = pairs[last < (double)n ? (size_t)last : n - 1];
        }
        *ret = line;
    }
    free(pairs);
    return n > 0;
}

bool slope_of(const struct points *p, double z, struct slope *ret) {
    if (p->n < 3)
        return false;
    if (p->n <= SLOPE_POINTS_MAX)
        return slope_of_few(p, z, ret);
    struct points thin;
    slope_thin(p, SLOPE_POINTS_MAX, &thin);
    bool has = slope_of_few(&thin, z, ret);
    vec_free(&thin);
    return has;
}

double slope_misses(const struct points *p, const struct slope *line) {
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += fabs(miss(p, line, i));
    return p->n ? sum / (double)p->n : 0;
}
