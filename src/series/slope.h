/* The slope of a series by Theil and Sen: the median of the slopes of all pairs, which a third of
 * wild points does not move; with the interval that Kendall's statistic gives it (Sen 1968; Gilbert
 * 1987, 16.4), wider where neighbours resemble each other: points that follow from the one before
 * count for less (as Yue and Wang 2004 do, by the correlation at lag 1 around the line), though
 * from six points on it is never wider than all the slopes are. */
#ifndef MEMWHY_SERIES_SLOPE_H
#define MEMWHY_SERIES_SLOPE_H

#include "model/points.h"
#include <stdbool.h>

/* More are thinned to that many, by the least of each group: the cost is that of all pairs. */
enum { SLOPE_POINTS_MAX = 160 };

struct slope {
    double per_s;
    double low, high; /* interval; infinite where so few points give none */
    double at_end;    /* the line's value at the last point */
    double counts;    /* as how many independent points they count */
};

/* `z`: how many standard deviations the interval is wide, 1.96 for 95 %. False below three points,
 * or when all have one time. */
bool slope_of(const struct points *p, double z, struct slope *ret);
/* The mean distance of the points from the line. */
double slope_misses(const struct points *p, const struct slope *line);
/* At most `most` points: of each group of neighbours the least. */
void slope_thin(const struct points *p, size_t most, struct points *ret);

#endif
