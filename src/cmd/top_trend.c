#include "cmd/top_trend.h"

#include "series/slope.h"
#include <math.h>
#include <string.h>

/* A slope whose interval has no end is none: the stretches follow from each other too much. */
static void judge(struct top_trend *t) {
    struct slope s;
    t->slope = (struct top_slope){0};
    if (t->stretches.n >= TOP_TREND_LEAST && slope_of(&t->stretches, 1.96, &s) && isfinite(s.low) &&
        isfinite(s.high))
        t->slope = (struct top_slope){true, s.per_s * 60, s.low * 60, s.high * 60};
}

static void end_stretch(struct top_trend *t) {
    if (t->stretches.n == TOP_TREND_MOST) {
        t->stretches.n--;
        memmove(t->stretches.at, t->stretches.at + 1, t->stretches.n * sizeof *t->stretches.at);
    }
    vec_push(&t->stretches, t->least);
    t->rounds = 0;
    judge(t);
}

void top_trend_add(struct top_trend *t, uint64_t at_ns, uint64_t bytes) {
    struct point here = {(double)at_ns / 1e9, (double)bytes};
    if (!t->rounds++ || here.value < t->least.value)
        t->least = here;
    if (t->rounds == TOP_TREND_ROUNDS)
        end_stretch(t);
}

void top_trend_done(struct top_trend *t) {
    vec_free(&t->stretches);
}
