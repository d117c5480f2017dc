#include "series/judge.h"

#include "series/change.h"
#include "series/floor.h"
#include "series/slope.h"
#include <math.h>

#define WIDTH_95 1.96
#define WIDTH_80 1.28

/* A seesaw is what rises by this part of its floor in between. */
#define SAW_PART 0.1

/* Its last course: the index of its first point, and the slope before it (0: there is none). */
static size_t last_course(const struct points *p, double *ret_before) {
    size_t first = 0, k;
    *ret_before = 0;
    for (;;) {
        struct points rest = points_part(p, first, p->n);
        size_t least = rest.n / 10 > 3 ? rest.n / 10 : 3;
        if (!change_find(&rest, least, &k))
            return first;
        struct points before = points_part(&rest, 0, k);
        struct slope line;
        *ret_before = slope_of(&before, WIDTH_95, &line) ? line.per_s : 0;
        first += k;
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

/* Its second half rises as the first did, and that is not chance. */
static bool goes_on(const struct points *p) {
    struct slope early, late;
    return halves_of(p, &early, &late) && late.low > early.per_s / 2;
}

static void set_undecided(struct trend *t, enum trend_why why, double more_s) {
    t->kind = TREND_UNDECIDED;
    t->why = why;
    t->more_s = more_s;
}

/* It rises: since when, and is it likely to go on? What rose faster before either warmed up and
 * leaks, or fills up ever more slowly: a line tells, seen for long enough. */
static void judge_rise(const struct points *course, double look_s, struct trend *t) {
    double lasted = t->to_s - t->from_s;
    bool slowed = t->before_per_s > 0 && t->high < 0.75 * t->before_per_s;
    t->kind = TREND_GROWING;
    if (slows_down(course) || (slowed && !goes_on(course)))
        t->kind = TREND_FILLING;
    else if (course->n < JUDGE_POINTS)
        set_undecided(t, TREND_FEW, look_s * JUDGE_POINTS / (double)course->n);
    else if (lasted < look_s / 3)
        set_undecided(t, TREND_RECENT, look_s + lasted);
}

/* It does not, as far as can be seen. */
static void judge_rest(double look_s, const struct judge_case *c, struct trend *t) {
    double lasted = t->to_s - t->from_s;
    bool rose = t->before_per_s > 0 && t->before_per_s * (look_s - lasted) > c->nothing;
    if (t->low > 0 || t->high < 0 || isfinite(t->high))
        t->kind = t->saw > SAW_PART * t->level && t->saw > c->nothing ? TREND_SEESAW : TREND_STEADY;
    if (rose)
        t->kind = TREND_LEVELLED;
    if (t->high < 0 && t->per_s * lasted < -c->nothing)
        t->kind = TREND_FALLING;
    double could_gain = t->high * lasted, little = fmax(c->nothing, t->level / 10);
    if (rose && t->high > t->before_per_s / 2)
        set_undecided(t, TREND_RECENT, look_s + lasted);
    else if (could_gain > little && could_gain > t->saw && t->per_s > 0)
        set_undecided(t, TREND_WIDE, look_s * pow(could_gain / little, 2.0 / 3));
}

void judge_floor(const struct judge_case *c, struct trend *ret) {
    const struct points *p = c->floor;
    struct trend t = {.points = p->n};
    struct slope line;
    if (p->n) {
        t.from_s = p->at[0].s;
        t.level = p->at[p->n - 1].value;
    }
    double look_s = c->all && points_seconds(c->all) > points_seconds(p) ? points_seconds(c->all)
                                                                         : points_seconds(p);
    t.saw = c->all ? floor_saw(c->all, p) : 0;
    size_t first = last_course(p, &t.before_per_s);
    struct points course = points_part(p, first, p->n);
    if (course.n) {
        t.points = course.n;
        t.from_s = course.at[0].s;
        t.to_s = course.at[course.n - 1].s;
    }
    t.has_slope = slope_of(&course, WIDTH_95, &line);
    if (t.has_slope) {
        t.per_s = line.per_s;
        t.low = line.low;
        t.high = line.high;
        t.level = line.at_end;
    }
    double gained = t.per_s * (t.to_s - t.from_s);
    if ((!t.has_slope || isinf(t.high)) && first)
        set_undecided(&t, TREND_RECENT, look_s + t.to_s - t.from_s);
    else if (!t.has_slope || isinf(t.high))
        set_undecided(&t, TREND_FEW, look_s * JUDGE_POINTS / (double)(course.n ? course.n : 1));
    else if (t.low > 0 && gained > c->nothing)
        judge_rise(&course, look_s, &t);
    else
        judge_rest(look_s, c, &t);
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
