#include "crashlog/series.h"

#include "base/mem.h"
#include <stdlib.h>

void series_add(struct series *s, double ms, double mib) {
    if (!s->at) {
        s->at = mem_alloc(SERIES_POINTS * sizeof *s->at);
        s->every = 1;
    }
    s->last = (struct series_point){ms, mib};
    if (s->seen++ % s->every)
        return;
    if (s->n == SERIES_POINTS) {
        for (size_t i = 0; i < SERIES_POINTS / 2; i++)
            s->at[i] = s->at[2 * i];
        s->n = SERIES_POINTS / 2;
        s->every *= 2;
        if ((s->seen - 1) % s->every)
            return;
    }
    s->at[s->n++] = s->last;
}

void series_done(struct series *s) {
    free(s->at);
    *s = (struct series){0};
}

bool series_trend(const struct series *s, struct trend *ret) {
    enum { FEWEST = 4 };
    if (s->n < FEWEST)
        return false;
    double middle = s->at[0].ms + (s->last.ms - s->at[0].ms) / 2;
    size_t first = 0;
    while (first + FEWEST < s->n && s->at[first].ms < middle)
        first++;
    double n = (double)(s->n - first), x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    for (size_t i = first; i < s->n; i++) {
        x += s->at[i].ms / n;
        y += s->at[i].mib / n;
    }
    for (size_t i = first; i < s->n; i++) {
        double dx = s->at[i].ms - x, dy = s->at[i].mib - y;
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    if (!(xx > 0))
        return false;
    double slope = xy / xx;
    *ret = (struct trend){
        .mib_per_min = slope * 60000,
        .from_ms = s->at[first].ms,
        .to_ms = s->last.ms,
        .from_mib = y + slope * (s->at[first].ms - x),
        .to_mib = y + slope * (s->last.ms - x),
        .fits = yy > 0 ? xy * xy / (xx * yy) : 0,
        .points = s->n - first,
    };
    return true;
}

bool series_above_since(const struct series *s, double mib, double *ret_ms) {
    size_t i = s->n;
    if (!s->n || s->last.mib <= mib)
        return false;
    while (i && s->at[i - 1].mib > mib)
        i--;
    *ret_ms = i < s->n ? s->at[i].ms : s->last.ms;
    return true;
}
