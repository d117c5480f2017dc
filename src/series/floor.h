/* The floor under the saw: what is there when garbage is gone. A heap's size says little between
 * collections, its floor what the program keeps. */
#ifndef MEMWHY_SERIES_FLOOR_H
#define MEMWHY_SERIES_FLOOR_H

#include "model/points.h"
#include <stdbool.h>

/* When a counter rose: the times of the first samples that show it. */
struct floor_marks {
    double *at;
    size_t n, cap;
};
void floor_marks_of_counter(const struct points *counter, struct floor_marks *ret);
/* The same by the series itself, where collections are not counted: after each fall of a third of
 * the deepest usual one. Small falls, those of the young generation, do not count. */
void floor_marks_of_falls(const struct points *p, struct floor_marks *ret);

/* The least of each stretch from one mark to the next, and of the last one; not of what is before
 * the first mark, which nothing has cleared. */
void floor_between(const struct points *p, const struct floor_marks *marks, struct points *ret);
/* The least of each of `n` stretches of equal time. */
void floor_of_stretches(const struct points *p, size_t n, struct points *ret);
/* One point for each value that it had: for a counter that holds what the last collection left. */
void floor_of_steps(const struct points *p, struct points *ret);
/* What the series usually reaches above its floor in between: the median of the heights of the
 * stretches; 0 when there is none. */
double floor_saw(const struct points *p, const struct points *floor);

#endif
