/* The rank test against published values: tables of the Mann-Whitney distribution, and data whose
 * results stand in R's documentation and in Hollander & Wolfe. */
#include "trial/rank.h"
#include "unit.h"

#include <errno.h>

#define N(a) (sizeof(a) / sizeof *(a))

static void assert_close(double got, double want, double by) {
    if (got < want - by || got > want + by)
        fail_msg("got %.9g, want %.9g", got, want);
}

/* 2 of all choices: C(6,3) = 20, C(8,4) = 70, C(10,5) = 252, C(20,10) = 184756, C(13,4) = 715. */
static void least_p(void **state) {
    (void)state;
    assert_close(rank_least_p(1, 1), 1, 1e-12);
    assert_close(rank_least_p(3, 3), 2.0 / 20, 1e-12);
    assert_close(rank_least_p(4, 4), 2.0 / 70, 1e-12);
    assert_close(rank_least_p(5, 5), 2.0 / 252, 1e-12);
    assert_close(rank_least_p(4, 9), 2.0 / 715, 1e-12);
    assert_close(rank_least_p(10, 10), 2.0 / 184756, 1e-12);
    assert_true(rank_least_p(RANK_MOST, RANK_MOST) > 0);
}

/* x lies below y but for `swaps` of the ny * nx pairs: U = swaps. */
static double p_of_u(size_t n, size_t swaps) {
    double x[16], y[16];
    struct rank_shift r;
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)i;
        y[i] = 100 + (double)i;
    }
    for (size_t i = n; swaps;
         i--) { /* the largest of x above as many of y as there are swaps left */
        size_t over = swaps < n ? swaps : n;
        x[i - 1] = 100 + (double)over - 0.5;
        swaps -= over;
    }
    assert_int_equal(rank_compare(x, n, y, n, 0.95, &r), 0);
    return r.p;
}

/* Critical values of U, two-sided 0.05 (Mann & Whitney's table, in every textbook): n = 4: 0,
 * 5: 2, 6: 5, 7: 8, 8: 13, 10: 23; one more is over. */
static void critical_values(void **state) {
    (void)state;
    static const struct {
        size_t n, u;
    } table[] = {{4, 0}, {5, 2}, {6, 5}, {7, 8}, {8, 13}, {10, 23}};
    assert_true(p_of_u(3, 0) > 0.05);
    for (size_t i = 0; i < N(table); i++) {
        assert_true(p_of_u(table[i].n, table[i].u) <= 0.05);
        assert_true(p_of_u(table[i].n, table[i].u + 1) > 0.05);
    }
    /* Mann and Whitney 1947, table I, n = m = 5: P(U <= 2) = .016, P(U <= 4) = .048 */
    assert_close(p_of_u(5, 2) / 2, 0.016, 0.0005);
    assert_close(p_of_u(5, 4) / 2, 0.048, 0.0005);
}

/* R's ?wilcox.test: permeability constants of the human chorioamnion at term (x) and between 12 and
 * 26 weeks (y), Hollander & Wolfe 1973, p. 69: W = 35, one-sided p = 0.1272. */
static void chorioamnion(void **state) {
    (void)state;
    static const double x[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
    static const double y[] = {1.15, 0.88, 0.90, 0.74, 1.21};
    struct rank_shift r;
    assert_int_equal(rank_compare(y, N(y), x, N(x), 0.95, &r), 0);
    assert_close(r.p, 2 * 0.1272, 0.0001);
    assert_close(r.shift, 0.305, 1e-9); /* Hollander & Wolfe, example 4.1 continued */
    assert_close(r.low, -0.15, 1e-9);
    assert_close(r.high, 0.76, 1e-9);
    assert_close(r.confidence, 0.96, 0.005);
    /* Turned round, all is turned round. */
    struct rank_shift t;
    assert_int_equal(rank_compare(x, N(x), y, N(y), 0.95, &t), 0);
    assert_close(t.p, r.p, 1e-12);
    assert_close(t.shift, -r.shift, 1e-12);
    assert_close(t.low, -r.high, 1e-12);
}

static void ties(void **state) {
    (void)state;
    static const double same[] = {7, 7, 7, 7, 7};
    static const double x[] = {1, 2, 2}, y[] = {2, 3, 3};
    struct rank_shift r;
    assert_int_equal(rank_compare(same, 5, same, 5, 0.95, &r), 0);
    assert_close(r.p, 1, 1e-12);
    assert_close(r.shift, 0, 1e-12);
    /* Ranks 1, 3, 3 | 3, 5.5, 5.5: sums of three of them that are 7 or less: 1+3+3 in 3 ways of 20
     */
    assert_int_equal(rank_compare(x, 3, y, 3, 0.95, &r), 0);
    assert_close(r.p, 2 * 3.0 / 20, 1e-12);
    assert_close(r.shift, 1, 1e-12);
}

/* Three values can have no interval of 95 %: the one they have is said with what it is. */
static void few(void **state) {
    (void)state;
    static const double x[] = {10, 11, 12}, y[] = {20, 22, 24};
    struct rank_shift r;
    assert_int_equal(rank_compare(x, 3, y, 3, 0.95, &r), 0);
    assert_close(r.p, 0.1, 1e-12);
    assert_close(r.confidence, 0.9, 1e-9);
    assert_close(r.shift, 11, 1e-12);
    assert_close(r.low, 8, 1e-12);
    assert_close(r.high, 14, 1e-12);
    assert_int_equal(rank_compare(x, 0, y, 3, 0.95, &r), -EINVAL);
    assert_int_equal(rank_compare(x, 3, y, RANK_MOST + 1, 0.95, &r), -EINVAL);
}

static void median(void **state) {
    (void)state;
    assert_close(rank_median((double[]){5}, 1), 5, 0);
    assert_close(rank_median((double[]){5, 1, 3}, 3), 3, 0);
    assert_close(rank_median((double[]){5, 1, 3, 4}, 4), 3.5, 0);
}

/* R: p.adjust(c(0.01, 0.02, 0.03, 0.005), "holm") = 0.03 0.04 0.04 0.02 */
static void holm(void **state) {
    (void)state;
    double p[] = {0.01, 0.02, 0.03, 0.005}, q[] = {0.6, 0.9};
    static const double want[] = {0.03, 0.04, 0.04, 0.02};
    rank_holm(p, 4);
    for (size_t i = 0; i < 4; i++)
        assert_close(p[i], want[i], 1e-12);
    rank_holm(q, 2);
    assert_close(q[0], 1, 0);
    assert_close(q[1], 1, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_p),      cmocka_unit_test(critical_values),
        cmocka_unit_test(chorioamnion), cmocka_unit_test(ties),
        cmocka_unit_test(few),          cmocka_unit_test(median),
        cmocka_unit_test(holm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
