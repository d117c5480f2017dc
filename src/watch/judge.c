#include "watch/judge.h"

#include "base/fmt.h"
#include "watch/judge_trend.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void watch_reading_unknown(struct watch_reading *ret, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(ret->why, sizeof ret->why, fmt, ap);
    va_end(ap);
    ret->truth = WATCH_UNKNOWN;
}

static bool is_v8(enum sample_field f) {
    return (f >= SAMPLE_HEAP_USED && f <= SAMPLE_WORKERS_HEAP_TOTAL) || f == SAMPLE_GC_MAJOR ||
           f == SAMPLE_GC_MINOR || f == SAMPLE_LIVE_AFTER_GC || f == SAMPLE_OLD_GENERATION_LIMIT;
}

void watch_field_unknown(enum sample_field f, const struct watch_seen *seen,
                         struct watch_reading *ret) {
    const char *name = sample_field_info(f)->name;
    if (f == SAMPLE_GC_PAUSE_NS)
        watch_reading_unknown(ret, "the pauses of its collections cannot be seen: %s",
                              seen->lacks.gc ? seen->lacks.gc : "none of them is counted");
    else if (f == SAMPLE_CGROUP_LIMIT)
        watch_reading_unknown(ret, "its cgroup has no limit, or none that can be seen");
    else if (is_v8(f) && seen->lacks.v8)
        watch_reading_unknown(ret, "%s is not known: %s", name, seen->lacks.v8);
    else if (f == SAMPLE_LIVE_AFTER_GC)
        watch_reading_unknown(ret, "no full collection was seen yet");
    else
        watch_reading_unknown(ret, "%s is not known of it", name);
}

static bool get(const struct watch_seen *seen, enum sample_field f, double *ret,
                struct watch_reading *reading) {
    uint64_t v;
    if (!sample_get(seen->sample, f, &v)) {
        watch_field_unknown(f, seen, reading);
        return false;
    }
    *ret = (double)v;
    return true;
}

static bool compares(enum watch_compare c, double value, double limit) {
    switch (c) {
    case WATCH_OVER:
        return value > limit;
    case WATCH_AT_LEAST:
        return value >= limit;
    case WATCH_UNDER:
        return value < limit;
    default:
        return value <= limit;
    }
}

bool watch_window_is_seen(const struct watch_seen *seen, struct watch_reading *ret) {
    char want[FMT_MAX], have[FMT_MAX];
    const struct track *t = seen->track;
    if (track_is_full(t))
        return true;
    watch_reading_unknown(ret, "it looks back over %s, and was watched for %s",
                          fmt_duration(want, t->window_ns),
                          fmt_duration(have, t->n ? t->last.at_ns - track_at(t, 0)->at_ns : 0));
    return false;
}

static double least(const struct track *t) {
    double min = t->last.value;
    for (size_t i = 0; i < t->n; i++)
        if (track_at(t, i)->value < min)
            min = track_at(t, i)->value;
    return min;
}

static bool rate(const struct watch_seen *seen, struct watch_reading *ret) {
    const struct track *t = seen->track;
    if (!watch_window_is_seen(seen, ret))
        return false;
    const struct track_point *first = track_at(t, 0);
    for (size_t i = 1; i < t->n; i++)
        if (track_at(t, i)->value < track_at(t, i - 1)->value) {
            watch_reading_unknown(ret, "its counter went back");
            return false;
        }
    ret->value = (t->last.value - first->value) / ((double)(t->last.at_ns - first->at_ns) / 1e9);
    return true;
}

/* The value of what is one number; false: it is not known, and `ret` says why. */
static bool value_of(const struct watch_term *t, const struct watch_seen *seen,
                     struct watch_reading *ret) {
    double now, bound;
    if (!get(seen, t->field, &now, ret))
        return false;
    ret->value = now;
    switch (t->measure) {
    case WATCH_RATE:
        if (!rate(seen, ret))
            return false;
        if (t->unit == WATCH_SHARE)
            ret->value /= 1e9;
        return true;
    case WATCH_FLOOR:
        ret->value = least(seen->track);
        return watch_window_is_seen(seen, ret);
    case WATCH_STEP:
        ret->value = now - least(seen->track);
        if (seen->track->n < 2)
            watch_reading_unknown(ret, "one sample shows no step");
        return seen->track->n >= 2;
    case WATCH_HEADROOM:
        if (!get(seen, t->bound, &bound, ret))
            return false;
        ret->value = bound > now ? bound - now : 0;
        return true;
    default:
        return true;
    }
}

static bool limit_of(const struct watch_term *t, const struct watch_seen *seen,
                     struct watch_reading *ret) {
    double whole = 1;
    if (t->is_part && !get(seen, t->of, &whole, ret))
        return false;
    ret->limit = t->limit * whole;
    ret->has_limit = true;
    return true;
}

static void judge_probe(const struct watch_term *t, const struct watch_probe *p,
                        struct watch_reading *ret) {
    if (p->outcome == PROBE_NONE) {
        watch_reading_unknown(ret, "it was not asked yet");
        return;
    }
    ret->status = p->outcome == PROBE_ANSWERED ? p->status : 0;
    ret->has_value = p->outcome != PROBE_FAILED;
    ret->value = (double)p->latency_ns;
    ret->at_least = p->outcome == PROBE_TIMED_OUT;
    if (t->measure == WATCH_FAILS) {
        ret->truth = p->outcome == PROBE_ANSWERED && p->status < 500 ? WATCH_NO : WATCH_YES;
        if (p->outcome == PROBE_FAILED)
            snprintf(ret->why, sizeof ret->why, "%s", p->why);
        return;
    }
    ret->limit = t->limit;
    ret->has_limit = true;
    if (p->outcome == PROBE_FAILED)
        watch_reading_unknown(ret, "%s", p->why);
    else /* who has not answered in that time takes longer */
        ret->truth = compares(t->compare, ret->value, ret->limit) ? WATCH_YES : WATCH_NO;
}

void watch_term_judge(const struct watch_term *t, const struct watch_seen *seen,
                      struct watch_reading *ret) {
    memset(ret, 0, sizeof *ret);
    if (t->measure == WATCH_LATENCY || t->measure == WATCH_FAILS) {
        judge_probe(t, seen->probe, ret);
        return;
    }
    if (t->measure == WATCH_SLOPE || t->measure == WATCH_TIME_TO) {
        watch_trend_judge(t, seen, ret);
        return;
    }
    if (!value_of(t, seen, ret))
        return;
    ret->has_value = true;
    if (limit_of(t, seen, ret))
        ret->truth = compares(t->compare, ret->value, ret->limit) ? WATCH_YES : WATCH_NO;
}

enum watch_truth watch_truth_of_all(const struct watch_reading *readings, size_t n) {
    enum watch_truth all = WATCH_YES;
    for (size_t i = 0; i < n; i++) {
        if (readings[i].truth == WATCH_NO)
            return WATCH_NO;
        if (readings[i].truth == WATCH_UNKNOWN)
            all = WATCH_UNKNOWN;
    }
    return all;
}
