#include "trial/verdict.h"

#include <math.h>
#include <string.h>

#define CONFIDENCE (1 - VERDICT_CHANCE)

const char *verdict_is_name(enum verdict_is is) {
    static const char *const names[] = {
        [IS_UNKNOWN] = "unknown", [IS_NOISE] = "noise", [IS_LESS] = "less", [IS_MORE] = "more"};
    return names[is];
}

void verdict_done(struct verdict *v) {
    free(v->rows);
    free(v->order);
    *v = (struct verdict){0};
}

static void describe(const struct trial *t, size_t setting, enum measure m,
                     struct verdict_cell *ret) {
    double x[TRIAL_ROUNDS_MOST];
    ret->n = trial_values(t, setting, m, x);
    if (!ret->n)
        return;
    ret->median = rank_median(x, ret->n);
    ret->least = ret->most = x[0];
    for (size_t i = 1; i < ret->n; i++) {
        ret->least = x[i] < ret->least ? x[i] : ret->least;
        ret->most = x[i] > ret->most ? x[i] : ret->most;
    }
}

/* One measure of all settings against the baseline, which are so many questions at once. */
static void compare(const struct trial *t, enum measure m, struct verdict *v) {
    double x[TRIAL_ROUNDS_MOST], y[TRIAL_ROUNDS_MOST], p[SETTINGS_MOST + 2];
    size_t nx = trial_values(t, SETTING_BASELINE, m, x), asked[SETTINGS_MOST + 2], n = 0;
    for (size_t i = 0; i < v->n; i++) {
        struct verdict_cell *c = &v->rows[i].cell[m];
        describe(t, i, m, c);
        if (i == SETTING_BASELINE || c->n < 2 || nx < 2)
            continue;
        trial_values(t, i, m, y);
        if (rank_compare(x, nx, y, c->n, CONFIDENCE, &c->shift) < 0)
            continue;
        p[n] = c->shift.p;
        asked[n++] = i;
    }
    rank_holm(p, n);
    for (size_t i = 0; i < n; i++) {
        struct verdict_cell *c = &v->rows[asked[i]].cell[m];
        c->adjusted_p = p[i];
        c->is = p[i] > VERDICT_CHANCE ? IS_NOISE : c->shift.shift < 0 ? IS_LESS : IS_MORE;
    }
}

static bool is_over_percent(const struct verdict_cell *c, double base, int percent) {
    return fabs(c->shift.shift) > fabs(base) * percent / 100;
}

static void judge_row(const struct verdict *v, struct verdict_row *r) {
    const struct verdict_cell *base = v->rows[SETTING_BASELINE].cell;
    const struct verdict_cell *c = &r->cell[v->counts];
    bool worth =
        c->is != IS_UNKNOWN && is_over_percent(c, base[v->counts].median, VERDICT_WORTH_PERCENT);
    r->saves = worth && c->is == IS_LESS;
    if (!base[v->counts].n && c->n && !r->failed)
        r->saves = true; /* it lives, as the program does not otherwise */
    r->hurts = worth && c->is == IS_MORE;
    for (int m = 0; m < MEASURES; m++) {
        const struct measure_kind *kind = measure_kind((enum measure)m);
        enum verdict_is worse = kind->more_is_better ? IS_LESS : IS_MORE;
        if (kind->is_cost && m != (int)v->counts && r->cell[m].is == worse &&
            is_over_percent(&r->cell[m], base[m].median, VERDICT_PRICE_PERCENT))
            r->price |= 1u << m;
    }
}

static double bad_part(const struct verdict_row *r) {
    return r->requests ? (double)r->bad_requests / (double)r->requests : 0;
}

static void count_requests(const struct trial *t, struct verdict *v) {
    for (size_t i = 0; i < t->runs.n; i++) {
        const struct http_load_result *h = &t->runs.at[i].load.http;
        struct verdict_row *r = &v->rows[t->runs.at[i].setting];
        r->requests += h->requests;
        for (int f = 0; f < HTTP_FAILURES; f++) {
            r->bad_requests += h->failures[f];
            if (f != HTTP_BAD_STATUS) /* that is answered, too */
                r->requests += h->failures[f];
        }
    }
    for (size_t i = 0; i < v->n; i++)
        v->rows[i].fails = bad_part(&v->rows[i]) > bad_part(&v->rows[SETTING_BASELINE]) + 0.01;
}

/* Are two settings told apart by the measure that counts? */
static bool differ(const struct trial *t, const struct verdict *v, size_t a, size_t b) {
    double x[TRIAL_ROUNDS_MOST], y[TRIAL_ROUNDS_MOST];
    size_t nx = trial_values(t, a, v->counts, x), ny = trial_values(t, b, v->counts, y);
    struct rank_shift s;
    return rank_compare(x, nx, y, ny, CONFIDENCE, &s) == 0 && s.p <= VERDICT_CHANCE &&
           is_over_percent(&(struct verdict_cell){.shift = s},
                           v->rows[SETTING_BASELINE].cell[v->counts].median, VERDICT_WORTH_PERCENT);
}

/* By medians; one that does not differ from the first of those before it shares their rank. */
static void rank(const struct trial *t, struct verdict *v) {
    v->order = mem_zalloc((v->n + 1) * sizeof *v->order);
    for (size_t i = 0; i < v->n; i++) {
        const struct verdict_cell *c = &v->rows[i].cell[v->counts];
        size_t at = v->n_ranked;
        if (!c->n || v->rows[i].failed)
            continue;
        for (; at > 0 && v->rows[v->order[at - 1]].cell[v->counts].median > c->median; at--)
            v->order[at] = v->order[at - 1];
        v->order[at] = i;
        v->n_ranked++;
    }
    size_t first = 0;
    for (size_t k = 0; k < v->n_ranked; k++) {
        if (k && differ(t, v, v->order[first], v->order[k]))
            first = k;
        v->rows[v->order[k]].rank = first + 1;
    }
    /* Those of one rank stand as they were given: their order is noise. */
    for (size_t k = 1; k < v->n_ranked; k++)
        for (size_t i = k; i > 0 && v->order[i] < v->order[i - 1] &&
                           v->rows[v->order[i]].rank == v->rows[v->order[i - 1]].rank;
             i--) {
            size_t other = v->order[i];
            v->order[i] = v->order[i - 1];
            v->order[i - 1] = other;
        }
}

/* How much a setting sets. */
static size_t size_of(const struct trial *t, size_t setting) {
    const struct setting *s = &t->settings.list.at[setting];
    return s->env.n + s->flags.n;
}

/* The best of those that save and cost nothing; of equals the one that sets least, and then the one
 * that came out least. Only where nothing is free, the best at a price. */
static size_t choose(const struct trial *t, const struct verdict *v) {
    size_t best = SETTING_BASELINE;
    for (int dear = 0; dear < 2 && best == SETTING_BASELINE; dear++)
        for (size_t k = 0; k < v->n_ranked; k++) {
            size_t i = v->order[k];
            const struct verdict_row *r = &v->rows[i];
            if (i == SETTING_BASELINE || !r->saves || r->fails || (r->price && !dear))
                continue;
            if (best == SETTING_BASELINE ||
                (!differ(t, v, best, i) && size_of(t, i) < size_of(t, best)))
                best = i;
        }
    return best;
}

static struct prediction middle_prediction(const struct trial *t, size_t setting) {
    struct prediction p = {0};
    double x[TRIAL_ROUNDS_MOST];
    size_t n = 0;
    for (size_t i = 0; i < t->runs.n && n < TRIAL_ROUNDS_MOST; i++) {
        const struct trial_run *r = &t->runs.at[i];
        if (setting >= r->predictions.n || r->predictions.at[setting].kind == PREDICTED_NOT)
            continue;
        p.kind = r->predictions.at[setting].kind;
        x[n++] = (double)r->predictions.at[setting].rss_bytes;
    }
    if (n)
        p.rss_bytes = (uint64_t)rank_median(x, n);
    return p;
}

/* The rounds in which the clearest difference of one setting could count, if none had failed. */
static size_t rounds_needed(size_t settings) {
    for (size_t n = 2; n < TRIAL_ROUNDS_MOST; n++)
        if (rank_least_p(n, n) * (double)settings <= VERDICT_CHANCE)
            return n;
    return TRIAL_ROUNDS_MOST;
}

void verdict_of(const struct trial *t, struct verdict *ret) {
    struct verdict v = {.n = t->settings.list.n, .counts = MEASURE_SETTLED};
    size_t compared = 0;
    v.rows = mem_zalloc(v.n * sizeof *v.rows);
    count_requests(t, &v);
    for (int m = 0; m < MEASURES; m++)
        compare(t, (enum measure)m, &v);
    bool settles = false;
    for (size_t i = 0; i < v.n; i++)
        settles = settles || v.rows[i].cell[MEASURE_SETTLED].n;
    if (!settles)
        v.counts = MEASURE_PEAK;
    for (size_t i = 0; i < v.n; i++) {
        struct verdict_row *r = &v.rows[i];
        r->runs = trial_count(t, i, &r->failed);
        r->prediction = middle_prediction(t, i);
        judge_row(&v, r);
        compared += i != SETTING_BASELINE && r->failed < r->runs;
    }
    rank(t, &v);
    v.ship = choose(t, &v);
    size_t needed = rounds_needed(compared);
    v.rounds_needed = compared && t->rounds < needed ? needed : 0;
    *ret = v;
}
