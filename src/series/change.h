/* Where a series changed its course: one line before, another after. A step, an end of growth, a
 * beginning of it. */
#ifndef MEMWHY_SERIES_CHANGE_H
#define MEMWHY_SERIES_CHANGE_H

#include "model/points.h"
#include <stdbool.h>

/* The index of the first point after the change that two lines explain best, when they explain the
 * points so much better than one that chance does not (the price of the second line is four
 * logarithms of the number of points; distances count as errors of Laplace's kind, so a wild point
 * makes no change). At least `least` points on either side;
 * distances below `fine` are no evidence. False when there is none.
 * Of more than CHANGE_POINTS_MAX points every so many are looked at. */
enum { CHANGE_POINTS_MAX = 48 };
bool change_find(const struct points *p, size_t least, double fine, size_t *ret);

#endif
