/* Of judge.c: the conditions on a slope. Private to both. */
#ifndef MEMWHY_WATCH_JUDGE_TREND_H
#define MEMWHY_WATCH_JUDGE_TREND_H

#include "watch/judge.h"

/* WATCH_SLOPE and WATCH_TIME_TO, by series/judge.h. They hold only when the whole interval of the
 * slope says so, and growth only of what that judge calls growing: no saw, no cache that fills ever
 * more slowly, nothing that stands since. */
void watch_trend_judge(const struct watch_term *t, const struct watch_seen *seen,
                       struct watch_reading *ret);

void watch_reading_unknown(struct watch_reading *ret, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The field is not known: why. */
void watch_field_unknown(enum sample_field f, const struct watch_seen *seen,
                         struct watch_reading *ret);
/* Else it is unknown. */
bool watch_window_is_seen(const struct watch_seen *seen, struct watch_reading *ret);

#endif
