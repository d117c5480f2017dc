#include "series/change.h"

#include "series/slope.h"
#include <math.h>

/* Distances below this part of the whole range are no evidence. */
#define FINEST 0.01

static double range_of(const struct points *p) {
    double least = p->at[0].value, most = least;
    for (size_t i = 1; i < p->n; i++) {
        least = fmin(least, p->at[i].value);
        most = fmax(most, p->at[i].value);
    }
    return most - least;
}

/* The sum of the distances from the line that fits. */
static double misses(const struct points *p) {
    struct slope line;
    return slope_of(p, 1, &line) ? slope_misses(p, &line) * (double)p->n : 0;
}

static bool find(const struct points *p, size_t least, double fine, size_t *ret) {
    double n = (double)p->n, none = fmax(FINEST * range_of(p), fine) * n;
    double one = none + misses(p), best = one;
    for (size_t k = least; k + least <= p->n; k++) {
        struct points before = points_part(p, 0, k), after = points_part(p, k, p->n);
        double two = none + misses(&before) + misses(&after);
        if (two < best) {
            best = two;
            *ret = k;
        }
    }
    return best > 0 && n * log(one / best) > 4 * log(n);
}

bool change_find(const struct points *p, size_t least, double fine, size_t *ret) {
    size_t k = 0;
    if (least < 3 || p->n < 2 * least)
        return false;
    if (p->n <= CHANGE_POINTS_MAX) {
        if (!find(p, least, fine, &k))
            return false;
        *ret = k;
        return true;
    }
    struct points few = {0};
    for (size_t g = 0; g < CHANGE_POINTS_MAX; g++)
        vec_push(&few, p->at[p->n * g / CHANGE_POINTS_MAX]);
    bool found = find(&few, least, fine, &k);
    if (found)
        *ret = p->n * k / CHANGE_POINTS_MAX;
    vec_free(&few);
    return found;
}
