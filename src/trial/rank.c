#include "trial/rank.h"

#include "base/mem.h"
#include "base/search.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rank_median(const double *x, size_t n) {
    cleanup_free double *sorted = mem_grow(NULL, n, sizeof *x);
    memcpy(sorted, x, n * sizeof *x);
    qsort(sorted, n, sizeof *x, by_value);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* How the rank sum of k of n values is distributed when each choice of k is as likely as any other:
 * ret[s] is the part of them whose doubled ranks have the sum s. Doubled, because ties share a rank
 * that may be a half. The caller frees it. */
static double *sums_of_choices(const size_t *doubled, size_t n, size_t k, size_t *ret_most) {
    size_t most = 0;
    for (size_t i = 0; i < n; i++)
        most += doubled[i];
    size_t sums = most + 1;
    double *ways = mem_zalloc((k + 1) * sums * sizeof *ways);
    ways[0] = 1;
    /* 2 * RANK_MOST values have 10^37 choices at most, which a double holds. */
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1 < k ? i + 1 : k; j > 0; j--)
            for (size_t s = doubled[i]; s <= most; s++)
                ways[j * sums + s] += ways[(j - 1) * sums + s - doubled[i]];
    double total = 0;
    double *ret = mem_grow(NULL, sums, sizeof *ret);
    for (size_t s = 0; s < sums; s++)
        total += ways[k * sums + s];
    for (size_t s = 0; s < sums; s++)
        ret[s] = ways[k * sums + s] / total;
    free(ways);
    *ret_most = most;
    return ret;
}

/* P(U <= u) of the Mann-Whitney statistic without ties, for u from 0 to nx * ny; the caller frees
 * it. */
static double *cumulated_u(size_t nx, size_t ny) {
    cleanup_free size_t *doubled = mem_grow(NULL, nx + ny, sizeof *doubled);
    size_t most, least = nx * (nx + 1);
    for (size_t i = 0; i < nx + ny; i++)
        doubled[i] = 2 * (i + 1);
    double *part = sums_of_choices(doubled, nx + ny, nx, &most), sum = 0;
    double *ret = mem_grow(NULL, nx * ny + 1, sizeof *ret);
    for (size_t u = 0; u <= nx * ny; u++)
        ret[u] = sum += part[least + 2 * u];
    free(part);
    return ret;
}

double rank_least_p(size_t nx, size_t ny) {
    cleanup_free double *u = cumulated_u(nx, ny);
    return 2 * u[0] < 1 ? 2 * u[0] : 1;
}

/* The doubled rank of each of n sorted values. */
static void rank_sorted(const double *sorted, size_t n, size_t *ret) {
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end] <= sorted[i];)
            end++;
        for (size_t j = i; j < end; j++)
            ret[j] = i + 1 + end; /* twice the mean of i + 1 .. end */
    }
}

static double two_sided_p(const double *x, size_t nx, const double *y, size_t ny) {
    size_t n = nx + ny, most, sum = 0;
    cleanup_free double *all = mem_grow(NULL, n, sizeof *all);
    cleanup_free size_t *doubled = mem_grow(NULL, n, sizeof *doubled);
    memcpy(all, x, nx * sizeof *x);
    memcpy(all + nx, y, ny * sizeof *y);
    qsort(all, n, sizeof *all, by_value);
    rank_sorted(all, n, doubled);
    for (size_t i = 0; i < nx; i++)
        sum += doubled[first_where(n, j, all[j] >= x[i])];
    cleanup_free double *part = sums_of_choices(doubled, n, nx, &most);
    double below = 0, above = 0;
    for (size_t s = 0; s <= most; s++) {
        below += s <= sum ? part[s] : 0;
        above += s >= sum ? part[s] : 0;
    }
    double p = 2 * (below < above ? below : above);
    return p < 1 ? p : 1;
}

/* Moses' interval: the differences that are as far in as the test's limits are in U. */
static void shift_of(const double *x, size_t nx, const double *y, size_t ny, double confidence,
                     struct rank_shift *ret) {
    const double fuzz = 1e-9; /* sums of parts are not exact */
    size_t n = nx * ny, out;
    cleanup_free double *differences = mem_grow(NULL, n, sizeof *differences);
    cleanup_free double *u = cumulated_u(nx, ny);
    for (size_t i = 0; i < nx; i++)
        for (size_t j = 0; j < ny; j++)
            differences[i * ny + j] = y[j] - x[i];
    qsort(differences, n, sizeof *differences, by_value);
    out = first_where(n + 1, i, u[i] >= (1 - confidence) / 2 - fuzz);
    if (!out)
        out = 1;
    ret->shift = rank_median(differences, n);
    ret->low = differences[out - 1];
    ret->high = differences[n - out];
    ret->confidence = 1 - 2 * u[out - 1] > 0 ? 1 - 2 * u[out - 1] : 0;
}

int rank_compare(const double *x, size_t nx, const double *y, size_t ny, double confidence,
                 struct rank_shift *ret) {
    if (!nx || !ny || nx > RANK_MOST || ny > RANK_MOST)
        return -EINVAL;
    struct rank_shift r = {.p = two_sided_p(x, nx, y, ny)};
    shift_of(x, nx, y, ny, confidence, &r);
    *ret = r;
    return 0;
}

void rank_holm(double *p, size_t n) {
    cleanup_free bool *done = mem_zalloc(n + 1);
    double least = 0;
    for (size_t left = n; left > 0; left--) {
        size_t at = n;
        for (size_t i = 0; i < n; i++)
            if (!done[i] && (at == n || p[i] < p[at]))
                at = i;
        double q = p[at] * (double)left;
        least = q > least ? q : least;
        p[at] = least < 1 ? least : 1;
        done[at] = true;
    }
}
