#include "series/judge.h"

#include "series/change.h"
#include "series/floor.h"
#include "series/slope.h"
#include <math.h>

#define WIDTH_95 1.96
#define WIDTH_80 1.28

/* Differences below this part of nothing make no change of course. */
#define FINE_PART 16

/* A seesaw is what rises by this part of its floor in between. */
#define SAW_PART 0.1

/* What a series does at the end, and what it did before. */
struct course {
    struct points points; /* since the last change; borrowed */
    bool changed;
    double before_per_s, before_mid_s; /* the course before that */
};

static double middle_of(const struct points *p) {
    return (p->at[0].s + p->at[p->n - 1].s) / 2;
}

static struct course last_course(const struct points *p, double fine) {
    struct course c = {.points = *p};
    size_t k;
    for (;;) {
        size_t least = c.points.n / 10 > 3 ? c.points.n / 10 : 3;
        if (!change_find(&c.points, least, fine, &k))
            return c;
        struct points before = points_part(&c.points, 0, k);
        struct slope line;
        c.before_per_s = slope_of(&before, WIDTH_95, &line) ? line.per_s : 0;
        c.before_mid_s = middle_of(&before);
        c.points = points_part(&c.points, k, c.points.n);
        c.changed = true;
    }
}

static bool halves_of(const struct points *p, struct slope *ret_early, struct slope *ret_late) {
    struct points first = points_part(p, 0, (p->n + 1) / 2),
                  second = points_part(p, p->n / 2, p->n);
    return slope_of(&first, WIDTH_80, ret_early) && slope_of(&second, WIDTH_80, ret_late);
}

/* Its second half rises less than the first, and that is not chance. */
static bool slows_down(const struct points *p) {
    struct slope early, late;
    return halves_of(p, &early, &late) && late.per_s < 0.6 * early.per_s && late.high < early.low;
}

/* It rose faster before. What fills up loses pace evenly: between the two courses as it does within
 * the last, and from that this predicts how the last one's halves compare. A line is what keeps
 * its pace although much of it should have been lost. */
static bool keeps_pace(const struct course *c, double per_s) {
    struct slope early, late;
    double apart_s = middle_of(&c->points) - c->before_mid_s;
    if (!halves_of(&c->points, &early, &late) || !(early.per_s > 0) || !(apart_s > 0))
        return false;
    double lost = log(c->before_per_s / per_s) / apart_s;
    double predicted = exp(-lost * points_seconds(&c->points) / 2);
    return predicted < 0.5 && late.per_s / early.per_s > sqrt(predicted);
}

static void set_undecided(struct trend *t, enum trend_why why, double more_s) {
    t->kind = TREND_UNDECIDED;
    t->why = why;
    t->more_s = more_s;
}

/* It rises: since when, and is it likely to go on? */
static void judge_rise(const struct course *c, double look_s, struct trend *t) {
    double lasted = t->to_s - t->from_s;
    bool slowed = t->before_per_s > 0 && t->high < 0.75 * t->before_per_s;
    t->kind = TREND_GROWING;
    if (slows_down(&c->points) || (slowed && !keeps_pace(c, t->per_s)))
        t->kind = TREND_FILLING;
    else if (c->points.n < JUDGE_POINTS)
        set_undecided(t, TREND_FEW, look_s * JUDGE_POINTS / (double)c->points.n);
    else if (lasted < look_s / 3)
        set_undecided(t, TREND_RECENT, look_s + lasted);
}

/* Smooth series follow from point to point so much that the interval is infinite; what varies by
 * nothing at all is level without one. */
static double most_rise(const struct points *p, const struct trend *t) {
    double least = INFINITY, most = -INFINITY;
    if (isfinite(t->high))
        return t->high;
    for (size_t i = 0; i < p->n; i++) {
        least = fmin(least, p->at[i].value);
        most = fmax(most, p->at[i].value);
    }
    return (most - least) / (t->to_s - t->from_s);
}

/* It does not, as far as can be seen. */
static void judge_rest(double look_s, const struct judge_case *c, double high, struct trend *t) {
    double lasted = t->to_s - t->from_s;
    bool rose = t->before_per_s > 0 && t->before_per_s * (look_s - lasted) > c->nothing;
    t->kind = t->saw > SAW_PART * t->level && t->saw > c->nothing ? TREND_SEESAW : TREND_STEADY;
    if (rose)
        t->kind = TREND_LEVELLED;
    if (t->high < 0 && t->per_s * lasted < -c->nothing)
        t->kind = TREND_FALLING;
    double could_gain = high * lasted, little = fmax(c->nothing, t->level / 10);
    if (rose && high > t->before_per_s / 2)
        set_undecided(t, TREND_RECENT, look_s + lasted);
    else if (could_gain > little && t->per_s > 0)
        set_undecided(t, TREND_WIDE, look_s * pow(could_gain / little, 2.0 / 3));
}

static double look_seconds(const struct judge_case *c) {
    double floor = points_seconds(c->floor), all = c->all ? points_seconds(c->all) : 0;
    return fmax(floor, all);
}

/* Of what the course is; the verdict is not set. */
static void measure(const struct course *c, struct trend *t) {
    const struct points *p = &c->points;
    struct slope line;
    t->points = p->n;
    t->before_per_s = c->before_per_s;
    if (!p->n)
        return;
    t->from_s = p->at[0].s;
    t->to_s = p->at[p->n - 1].s;
    t->level = p->at[p->n - 1].value;
    t->has_slope = slope_of(p, WIDTH_95, &line);
    if (!t->has_slope)
        return;
    t->per_s = line.per_s;
    t->low = line.low;
    t->high = line.high;
    t->level = line.at_end;
}

void judge_floor(const struct judge_case *c, struct trend *ret) {
    struct course course = last_course(c->floor, c->nothing / FINE_PART);
    struct trend t = {.saw = c->all ? floor_saw(c->all, c->floor) : 0};
    double look_s = look_seconds(c);
    measure(&course, &t);
    double lasted = t.to_s - t.from_s;
    double high = most_rise(&course.points, &t);
    bool has_interval = t.has_slope && isfinite(t.high);
    bool level = (course.changed || t.points >= JUDGE_POINTS) && high * lasted < c->nothing;
    if (!has_interval && level)
        judge_rest(look_s, c, high, &t);
    else if (!has_interval && course.changed)
        set_undecided(&t, TREND_RECENT, look_s + lasted);
    else if (!has_interval)
        set_undecided(&t, TREND_FEW, look_s * JUDGE_POINTS / fmax(1, (double)t.points));
    else if (t.low > 0 && t.per_s * lasted > c->nothing)
        judge_rise(&course, look_s, &t);
    else
        judge_rest(look_s, c, high, &t);
    *ret = t;
}

void judge_series(const struct points *all, const struct points *collections, double nothing,
                  struct trend *ret) {
    struct floor_marks marks = {0};
    struct points floor = {0};
    if (collections)
        floor_marks_of_counter(collections, &marks);
    else
        floor_marks_of_falls(all, &marks);
    if (collections || marks.n >= JUDGE_POINTS)
        floor_between(all, &marks, &floor);
    else
        floor_of_stretches(all, 4 * JUDGE_POINTS, &floor);
    judge_floor(&(struct judge_case){all, &floor, nothing}, ret);
    vec_free(&floor);
    vec_free(&marks);
}
