/* Floors, slopes and verdicts: of made series whose truth is known, and of recorded ones. */
#include "unit.h"

#include "series/change.h"
#include "series/floor.h"
#include "series/judge.h"
#include "series/slope.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define MIB 1048576.0

/* The same numbers in every run; evenly in [0, 1). */
static double chance(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0;
}

static void slope_of_a_line(void **state) {
    (void)state;
    struct points p = {0};
    struct slope s;
    for (int i = 0; i < 20; i++)
        vec_push(&p, (struct point){i, 100 + 3.0 * i});
    assert_true(slope_of(&p, 1.96, &s));
    assert_float_equal(s.per_s, 3, 1e-9);
    assert_float_equal(s.low, 3, 1e-9);
    assert_float_equal(s.high, 3, 1e-9);
    assert_float_equal(s.at_end, 157, 1e-9);
    assert_float_equal(slope_misses(&p, &s), 0, 1e-9);
    /* a third of wild points does not move it */
    for (int i = 0; i < 20; i += 4)
        p.at[i].value += 1000;
    assert_true(slope_of(&p, 1.96, &s));
    assert_float_equal(s.per_s, 3, 0.5);
    vec_free(&p);
}

/* Sen's interval by hand: slopes of 1, 3, 2, 4, 6 are -1, 2, 1; 0.5 ... ; Kendall's S has the
 * variance 5 * 4 * 15 / 18 = 16.67, so 1.96 deviations are 8.0 of 10 pairs: all of them. */
static void interval_of_five_is_all_pairs(void **state) {
    (void)state;
    static const double values[] = {1, 3, 2, 4, 6};
    struct points p = {0};
    struct slope s;
    for (int i = 0; i < 5; i++)
        vec_push(&p, (struct point){i, values[i]});
    assert_true(slope_of(&p, 1.96, &s));
    assert_float_equal(s.per_s, 1.125, 1e-9); /* -1 .5 1 1 1 | 1.25 1.5 2 2 2 */
    p.n = 4;
    assert_true(slope_of(&p, 1.96, &s));
    assert_true(isinf(s.low) && isinf(s.high));
    p.n = 2;
    assert_false(slope_of(&p, 1.96, &s));
    vec_free(&p);
}

/* 95 of 100 intervals hold the truth, also where each point follows from the one before. */
static void intervals_hold_the_truth(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        uint32_t seed = 7;
        int held = 0;
        enum { RUNS = 400, POINTS = 40 };
        for (int run = 0; run < RUNS; run++) {
            struct points p = {0};
            struct slope s;
            double wander = 0;
            for (int i = 0; i < POINTS; i++) {
                double noise = chance(&seed) + chance(&seed) + chance(&seed) - 1.5;
                wander = (kind ? 0.5 : 0) * wander + noise;
                vec_push(&p, (struct point){i, 0.25 * i + wander});
            }
            assert_true(slope_of(&p, 1.96, &s));
            held += s.low <= 0.25 && 0.25 <= s.high;
            vec_free(&p);
        }
        /* 380 +- 3 deviations of 4.4; the correlation is only estimated, from 40 points */
        assert_true(held >= (kind ? RUNS * 88 / 100 : 366));
    }
}

/* A saw of 50 MiB, whose floor grows by `per_s`, a tooth every `tooth` seconds. */
static void make_saw(double per_s, double tooth, double seconds, uint32_t seed, struct points *ret,
                     struct points *collections) {
    ret->n = collections->n = 0;
    int teeth = 0;
    for (double s = 0, in_tooth = 0; s < seconds; s += 0.1, in_tooth += 0.1) {
        if (in_tooth > tooth) {
            in_tooth = 0;
            teeth++;
        }
        double garbage = 50 * MIB * in_tooth / tooth + chance(&seed) * MIB;
        vec_push(ret, (struct point){s, 20 * MIB + per_s * s + garbage});
        vec_push(collections, (struct point){s, teeth});
    }
}

static void leak_under_a_saw(void **state) {
    (void)state;
    struct points saw = {0}, collections = {0};
    struct trend t;
    for (int by_count = 0; by_count < 2; by_count++) {
        int held = 0;
        for (uint32_t seed = 1; seed <= 20; seed++) {
            make_saw(100e3, 7 + seed % 5, 120, seed, &saw, &collections);
            judge_series(&saw, by_count ? &collections : NULL, MIB, &t);
            assert_int_equal(t.kind, TREND_GROWING);
            assert_true(80e3 < t.low && t.high < 120e3);
            held += t.low < 100e3 && 100e3 < t.high;
            assert_true(t.saw > 40 * MIB);
            make_saw(0, 7 + seed % 5, 120, seed, &saw, &collections);
            judge_series(&saw, by_count ? &collections : NULL, MIB, &t);
            assert_int_equal(t.kind, TREND_SEESAW);
        }
        assert_true(held >= 16); /* of 20 intervals of 95 %: fewer once in 400 times */
    }
    vec_free(&saw);
    vec_free(&collections);
}

/* A smooth curve that only rises grows, however much each point follows from the one before: live
 * bytes of a slow leak beside a table, as they were measured. */
static void smooth_growth(void **state) {
    (void)state;
    static const struct point measured[] = {
        {0, 66.447},    {27.6, 67.050}, {34.7, 67.200}, {44.0, 67.370},
        {52.7, 67.565}, {58.3, 67.676}, {64.2, 67.821}, {69.6, 67.944},
        {76.7, 68.114}, {83.2, 68.258}, {87.6, 68.353}, {90.0, 68.400},
    };
    struct points p = {0};
    struct trend t;
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++)
        vec_push(&p, (struct point){measured[i].s, measured[i].value * 1e6});
    judge_floor(&(struct judge_case){NULL, &p, 0.85e6}, &t);
    assert_int_equal(t.kind, TREND_GROWING);
    assert_true(15e3 < t.low && t.high < 26e3);
    vec_free(&p);
}

/* Twenty floors over two minutes. */
static enum trend_kind kind_of(double (*f)(double s), uint32_t seed, struct trend *t) {
    struct points p = {0};
    for (int i = 0; i < 20; i++) {
        double s = 120.0 * i / 19;
        vec_push(&p, (struct point){s, f(s) * MIB + chance(&seed) * 0.3 * MIB});
    }
    judge_floor(&(struct judge_case){NULL, &p, MIB}, t);
    vec_free(&p);
    return t->kind;
}

static double flat(double s) {
    return 20 + 0 * s;
}
static double line(double s) {
    return 20 + 0.1 * s;
}
static double filled_at_45(double s) {
    return 20 + 0.3 * fmin(s, 45);
}
static double filled_at_90(double s) {
    return 20 + 0.1 * fmin(s, 90);
}
static double step_at_40(double s) {
    return s < 40 ? 20 : 50;
}
static double fall_at_60(double s) {
    return s < 60 ? 20 + 0.5 * s : 20;
}
static double saturating(double s) {
    return 40 - 20 * exp(-s / 40);
}
static double warm_then_leak(double s) {
    return 20 + 2 * fmin(s, 20) + 0.1 * s;
}
static double falling(double s) {
    return 60 - 0.2 * s;
}

/* A leak is not missed, and what is healthy never said to grow. Chance makes a change of course
 * once in fifty times, after which there is too little to decide by. */
static void shapes(void **state) {
    (void)state;
    static const struct {
        double (*f)(double s);
        enum trend_kind kind;
        int at_least; /* of 50 */
    } cases[] = {
        {flat, TREND_STEADY, 49},
        {line, TREND_GROWING, 49},
        {warm_then_leak, TREND_GROWING, 49},
        {filled_at_45, TREND_LEVELLED, 47},
        {filled_at_90, TREND_LEVELLED, 10}, /* four floors or five are after it */
        {step_at_40, TREND_STEADY, 47},
        {fall_at_60, TREND_LEVELLED, 45},
        {saturating, TREND_FILLING, 38},
        {falling, TREND_FALLING, 49},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int as_meant = 0;
        struct trend t;
        for (uint32_t seed = 1; seed <= 50; seed++) {
            as_meant += kind_of(cases[c].f, seed, &t) == cases[c].kind;
            if (t.kind == TREND_GROWING) {
                assert_int_equal(cases[c].kind, TREND_GROWING);
                assert_true(0.09 * MIB < t.low && t.high < 0.11 * MIB);
            }
        }
        if (as_meant < cases[c].at_least)
            fail_msg("case %zu: %d of 50", c, as_meant);
    }
}

/* The number of points of a line of tests/series/floors.txt. */
static size_t read_floors(char *text, struct points *ret) {
    char *save = NULL;
    ret->n = 0;
    for (char *word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
        char *value;
        double s = strtod(word, &value);
        assert_int_equal(*value, ':');
        vec_push(ret, (struct point){s, strtod(value + 1, NULL) * 1024});
    }
    return ret->n;
}

/* Of real runs: no leak is missed and no healthy program said to grow. */
static void recorded_floors(void **state) {
    (void)state;
    FILE *f = fopen("tests/series/floors.txt", "r");
    char line[4096], kind[64], owner[32];
    int leaks = 0, healthy = 0, at;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        struct points p = {0};
        struct trend t;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s %*s %31s %n", kind, owner, &at), 2);
        assert_true(read_floors(line + at, &p) >= 9);
        bool native = !strcmp(owner, "malloc");
        double level = p.at[p.n - 1].value;
        judge_floor(&(struct judge_case){NULL, &p, MIB / 2 + (native ? 0.02 : 0.005) * level}, &t);
        if (strncmp(kind, "leak/", 5) == 0) {
            leaks++;
            if (t.kind != TREND_GROWING)
                fail_msg("%s, %s: %s", kind, owner, trend_kind_name(t.kind));
            double rate = strcmp(kind, "leak/compressors") ? 100e3 : 314e3;
            if (fabs(t.per_s - rate) > 0.1 * rate)
                fail_msg("%s, %s: %.0f a second", kind, owner, t.per_s);
        } else {
            healthy++;
            if (t.kind == TREND_GROWING)
                fail_msg("%s, %s: growing by %.0f a second", kind, owner, t.per_s);
        }
        vec_free(&p);
    }
    fclose(f);
    assert_int_equal(leaks, 20);
    assert_int_equal(healthy, 25);
}

static void few_points_decide_nothing(void **state) {
    (void)state;
    struct points p = {0};
    struct trend t;
    for (int i = 0; i < JUDGE_POINTS; i++) {
        judge_floor(&(struct judge_case){NULL, &p, MIB}, &t);
        assert_int_equal(t.kind, TREND_UNDECIDED);
        assert_int_equal(t.why, TREND_FEW);
        vec_push(&p, (struct point){10.0 * i, 10 * MIB * i});
    }
    judge_floor(&(struct judge_case){NULL, &p, MIB}, &t);
    assert_int_equal(t.kind, TREND_GROWING);
    vec_free(&p);
}

static void arrival(void **state) {
    (void)state;
    struct trend t = {.kind = TREND_GROWING, .per_s = 2, .low = 1, .high = 4, .level = 100};
    struct trend_arrival a;
    assert_true(trend_reaches(&t, 300, &a));
    assert_float_equal(a.earliest_s, 50, 1e-9);
    assert_float_equal(a.likely_s, 100, 1e-9);
    assert_float_equal(a.latest_s, 200, 1e-9);
    assert_false(trend_reaches(&t, 100, &a));
    /* a limit that others count against, too */
    struct trend_row row = {.trend = t, .limit = 1000, .limit_used = 900};
    assert_true(trend_row_reaches(&row, &a));
    assert_float_equal(a.likely_s, 50, 1e-9);
    row.limit_used = 0;
    assert_true(trend_row_reaches(&row, &a));
    assert_float_equal(a.likely_s, 450, 1e-9);
    row.limit = 0;
    assert_false(trend_row_reaches(&row, &a));
    t.kind = TREND_UNDECIDED;
    assert_false(trend_reaches(&t, 300, &a));
}

static void large_series_take_milliseconds(void **state) {
    (void)state;
    struct points saw = {0}, collections = {0};
    struct trend t;
    make_saw(100, 9, 10000, 1, &saw, &collections);
    assert_int_equal(saw.n, 100000);
    clock_t began = clock();
    judge_series(&saw, &collections, MIB, &t);
    double ms = (double)(clock() - began) * 1000 / CLOCKS_PER_SEC;
    assert_int_equal(t.kind, TREND_SEESAW); /* 1 MB in 10,000 s is nothing */
    printf("100,000 points: %.1f ms of CPU\n", ms);
    vec_free(&saw);
    vec_free(&collections);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slope_of_a_line),
        cmocka_unit_test(interval_of_five_is_all_pairs),
        cmocka_unit_test(intervals_hold_the_truth),
        cmocka_unit_test(leak_under_a_saw),
        cmocka_unit_test(smooth_growth),
        cmocka_unit_test(shapes),
        cmocka_unit_test(recorded_floors),
        cmocka_unit_test(few_points_decide_nothing),
        cmocka_unit_test(arrival),
        cmocka_unit_test(large_series_take_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
