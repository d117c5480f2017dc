#include "watch/judge_trend.h"

#include "series/floor.h"
#include "series/judge.h"
#include <math.h>

/* Growth below this over the window is nothing: an allocator's and a page's grain. */
#define NOTHING_BYTES (256 << 10)
#define NOTHING_COUNT 2

static void points_of(const struct track *t, uint64_t begin_ns, struct points *ret) {
    for (size_t i = 0; i < t->n; i++) {
        const struct track_point *p = track_at(t, i);
        double s = ((double)p->at_ns - (double)begin_ns) / 1e9;
        vec_push(ret, (struct point){s, p->value});
    }
}

static void trend_of(const struct watch_term *t, const struct watch_seen *seen, struct trend *ret) {
    struct points all = {0}, collections = {0}, floor = {0};
    uint64_t begin_ns = track_at(seen->track, 0)->at_ns;
    bool bytes = sample_field_info(t->field)->unit == SAMPLE_BYTES;
    double nothing = bytes ? NOTHING_BYTES : NOTHING_COUNT;
    points_of(seen->track, begin_ns, &all);
    if (t->field == SAMPLE_LIVE_AFTER_GC) {
        floor_of_steps(&all, &floor);
        judge_floor(&(struct judge_case){&all, &floor, nothing}, ret);
    } else {
        points_of(seen->collections, begin_ns, &collections);
        judge_series(&all, collections.n ? &collections : NULL, nothing, ret);
    }
    vec_free(&all);
    vec_free(&collections);
    vec_free(&floor);
}

static void undecided(const struct trend *trend, struct watch_reading *ret) {
    switch (trend->why) {
    case TREND_FEW:
        watch_reading_unknown(ret,
                              "its floor was seen only %zu times in that time: too few "
                              "collections",
                              trend->points);
        break;
    case TREND_RECENT:
        watch_reading_unknown(ret, "it changed its course too short a while ago");
        break;
    default:
        watch_reading_unknown(ret, "it may rise or fall: the interval of its slope is too wide");
    }
}

/* `low` and `high` are of what is compared, a slope or a time. */
static bool holds(enum watch_compare c, double low, double high, double limit) {
    switch (c) {
    case WATCH_OVER:
        return low > limit;
    case WATCH_AT_LEAST:
        return low >= limit;
    case WATCH_UNDER:
        return high < limit;
    default:
        return high <= limit;
    }
}

static void judge_slope(const struct watch_term *t, const struct trend *trend,
                        struct watch_reading *ret) {
    ret->value = trend->per_s;
    ret->low = trend->low;
    ret->high = trend->high;
    ret->has_value = ret->has_interval = trend->has_slope;
    bool rises = t->compare == WATCH_OVER || t->compare == WATCH_AT_LEAST;
    bool over = trend->has_slope && holds(t->compare, trend->low, trend->high, t->limit);
    bool never = trend->has_slope && rises && trend->high < t->limit;
    if (trend->kind == TREND_UNDECIDED && !never)
        undecided(trend, ret);
    else
        ret->truth = over && (!rises || trend->kind == TREND_GROWING) ? WATCH_YES : WATCH_NO;
}

/* What does not grow never gets there. */
static void judge_time_to(const struct watch_term *t, const struct trend *trend, double bound,
                          struct watch_reading *ret) {
    struct trend_arrival at;
    if (trend->level >= bound) {
        ret->has_value = true; /* it is there: 0 */
        ret->truth = holds(t->compare, 0, 0, t->limit) ? WATCH_YES : WATCH_NO;
        return;
    }
    if (trend->kind == TREND_UNDECIDED) {
        undecided(trend, ret);
        return;
    }
    ret->truth = t->compare == WATCH_OVER || t->compare == WATCH_AT_LEAST ? WATCH_YES : WATCH_NO;
    if (trend->kind != TREND_GROWING || !trend_reaches(trend, bound, &at))
        return;
    ret->has_value = ret->has_interval = true;
    ret->value = at.likely_s * 1e9;
    ret->low = at.earliest_s * 1e9;
    ret->high = at.latest_s * 1e9;
    ret->truth = holds(t->compare, ret->low, ret->high, t->limit) ? WATCH_YES : WATCH_NO;
}

void watch_trend_judge(const struct watch_term *t, const struct watch_seen *seen,
                       struct watch_reading *ret) {
    struct trend trend;
    uint64_t now, bound = 0;
    ret->limit = t->limit;
    ret->has_limit = true;
    if (!sample_get(seen->sample, t->field, &now)) {
        watch_field_unknown(t->field, seen, ret);
        return;
    }
    if (t->measure == WATCH_TIME_TO && !sample_get(seen->sample, t->bound, &bound)) {
        watch_field_unknown(t->bound, seen, ret);
        return;
    }
    if (!watch_window_is_seen(seen, ret))
        return;
    trend_of(t, seen, &trend);
    if (t->measure == WATCH_SLOPE)
        judge_slope(t, &trend, ret);
    else
        judge_time_to(t, &trend, (double)bound, ret);
}
