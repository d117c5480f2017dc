/* The verdict on a series: what its floor does since it last changed its course.
 *
 * Growing is what has an interval of 95 % above zero over at least JUDGE_POINTS floors, gained more
 * than is nothing, went on for a third of the look or more, and does not slow down. Slowing down is
 * filling; what grew and stands is levelled. A cache that fills at one rate to the end of the look
 * cannot be told from a leak by any number: who knows what holds the memory has to say so. */
#ifndef MEMWHY_SERIES_JUDGE_H
#define MEMWHY_SERIES_JUDGE_H

#include "model/points.h"
#include "model/trend.h"

enum { JUDGE_POINTS = 6 };

struct judge_case {
    const struct points *all;   /* what was seen: for the saw; may be NULL */
    const struct points *floor; /* what is judged */
    double nothing;             /* gains below this over the look are nothing */
};

void judge_floor(const struct judge_case *c, struct trend *ret);

/* The same of a series alone: its floor is taken between collections where `collections` counts
 * them (NULL: it is not known), else between its own falls, else in stretches of time. */
void judge_series(const struct points *all, const struct points *collections, double nothing,
                  struct trend *ret);

#endif
