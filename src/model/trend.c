#include "model/trend.h"

#include <math.h>

const char *trend_kind_name(enum trend_kind k) {
    static const char *const names[TREND_KINDS] = {
        [TREND_UNDECIDED] = "undecided", [TREND_STEADY] = "steady",   [TREND_SEESAW] = "seesaw",
        [TREND_LEVELLED] = "levelled",   [TREND_FILLING] = "filling", [TREND_GROWING] = "growing",
        [TREND_FALLING] = "falling",
    };
    return (unsigned)k < TREND_KINDS ? names[k] : "undecided";
}

bool trend_reaches(const struct trend *t, double limit, struct trend_arrival *ret) {
    double left = limit - t->level;
    if (t->kind != TREND_GROWING || !(t->per_s > 0) || !(left > 0))
        return false;
    *ret = (struct trend_arrival){left / t->high, left / t->per_s,
                                  t->low > 0 ? left / t->low : INFINITY};
    return true;
}

bool trend_row_reaches(const struct trend_row *row, struct trend_arrival *ret) {
    double level = row->trend.level, limit = (double)row->limit;
    double own = row->limit_used ? level + limit - (double)row->limit_used : limit;
    return row->limit && trend_reaches(&row->trend, own, ret);
}

void trends_done(struct trends *t) {
    for (size_t i = 0; i < t->rows.n; i++)
        vec_free(&t->rows.at[i].floor);
    vec_free(&t->rows);
}
