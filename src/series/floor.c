#include "series/floor.h"

#include <math.h>

void floor_marks_of_counter(const struct points *counter, struct floor_marks *ret) {
    ret->n = 0;
    for (size_t i = 1; i < counter->n; i++)
        if (counter->at[i].value > counter->at[i - 1].value)
            vec_push(ret, counter->at[i].s);
}

/* Falls by more than `least`, without a rise of more than that in between: their depths when
 * `depths`, the times of their ends when `ends`. */
static void find_falls(const struct points *p, double least, struct points *depths,
                       struct floor_marks *ends) {
    struct point top = p->at[0], bottom = top;
    bool falls = false;
    for (size_t i = 0; i <= p->n; i++) {
        bool over = i == p->n;
        struct point here = over ? bottom : p->at[i];
        if (falls && (over || here.value > bottom.value + least)) {
            if (depths)
                vec_push(depths, (struct point){bottom.s, top.value - bottom.value});
            if (ends)
                vec_push(ends, bottom.s);
            falls = false;
            top = here;
        } else if (falls) {
            bottom = here.value < bottom.value ? here : bottom;
        } else if (here.value < top.value - least) {
            falls = true;
            bottom = here;
        } else if (here.value > top.value) {
            top = here;
        }
    }
}

static int deepest_first(const void *a, const void *b) {
    const struct point *x = a, *y = b;
    return (x->value < y->value) - (x->value > y->value);
}

void floor_marks_of_falls(const struct points *p, struct floor_marks *ret) {
    struct points depths = {0};
    double least = p->n ? p->at[0].value : 0, most = least;
    ret->n = 0;
    for (size_t i = 0; i < p->n; i++) {
        least = fmin(least, p->at[i].value);
        most = fmax(most, p->at[i].value);
    }
    if (!(most > least))
        return;
    find_falls(p, (most - least) / 20, &depths, NULL);
    if (depths.n) {
        /* One that is deeper than all others is a change of course, not the saw. */
        vec_sort(&depths, deepest_first);
        find_falls(p, depths.at[depths.n > 2 ? 1 : 0].value / 3, NULL, ret);
    }
    vec_free(&depths);
}

void floor_between(const struct points *p, const struct floor_marks *marks, struct points *ret) {
    size_t mark = 0;
    bool open = false;
    ret->n = 0;
    for (size_t i = 0; i < p->n; i++) {
        bool begins = false;
        for (; mark < marks->n && marks->at[mark] <= p->at[i].s; mark++)
            begins = true;
        if (begins) {
            vec_push(ret, p->at[i]);
            open = true;
        } else if (open && p->at[i].value < ret->at[ret->n - 1].value) {
            ret->at[ret->n - 1] = p->at[i];
        }
    }
}

void floor_of_stretches(const struct points *p, size_t n, struct points *ret) {
    double begins = p->n ? p->at[0].s : 0, length = points_seconds(p) / (double)n;
    size_t stretch = 0;
    ret->n = 0;
    for (size_t i = 0; i < p->n; i++) {
        double ends = begins + length * (double)(stretch + 1);
        bool fresh = !ret->n;
        for (; p->at[i].s > ends && stretch + 1 < n; fresh = true)
            ends = begins + length * (double)(++stretch + 1);
        if (fresh)
            vec_push(ret, p->at[i]);
        else if (p->at[i].value < ret->at[ret->n - 1].value)
            ret->at[ret->n - 1] = p->at[i];
    }
}

void floor_of_steps(const struct points *p, struct points *ret) {
    ret->n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (!i || p->at[i].value < p->at[i - 1].value || p->at[i].value > p->at[i - 1].value)
            vec_push(ret, p->at[i]);
}

double floor_saw(const struct points *p, const struct points *floor) {
    VEC(double) heights = {0};
    size_t i = 0;
    for (size_t f = 0; f < floor->n; f++) {
        double top = floor->at[f].value;
        double until = f + 1 < floor->n ? floor->at[f + 1].s : INFINITY;
        for (; i < p->n && p->at[i].s < floor->at[f].s; i++)
            ;
        for (; i < p->n && p->at[i].s < until; i++)
            top = fmax(top, p->at[i].value);
        vec_push(&heights, top - floor->at[f].value);
    }
    double usual = points_median(heights.at, heights.n);
    vec_free(&heights);
    return usual;
}
