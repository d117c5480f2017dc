#include "cmd/try_report.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

enum { MISSED_PERCENT = 20 };

static const char *name_of(const struct trial *t, size_t setting) {
    return t->settings.list.at[setting].name;
}

/* --- the table --- */

enum { T_SETTING, T_START, T_PEAK, T_SETTLED, T_CHANGE, T_INTERVAL, T_PREDICTED, T_MORE };

static char *predicted_text(const struct prediction *p) {
    char buf[FMT_MAX];
    if (p->kind == PREDICTED_NOT)
        return mem_strdup("-");
    return mem_printf("%s%s", p->kind == PREDICTED_AT_LEAST ? ">= " : "",
                      fmt_bytes(buf, p->rss_bytes));
}

static void put_size(struct table *tb, size_t column, const struct verdict_cell *c) {
    if (c->n)
        table_u64(tb, column, (uint64_t)c->median);
}

static void put_change(struct table *tb, const struct verdict *v, const struct verdict_row *row) {
    const struct verdict_cell *c = &row->cell[v->counts];
    if (c->is == IS_UNKNOWN)
        return;
    cleanup_free char *shift = measure_text(v->counts, c->shift.shift, true);
    cleanup_free char *low = measure_text(v->counts, c->shift.low, true);
    cleanup_free char *high = measure_text(v->counts, c->shift.high, true);
    cleanup_free char *interval = mem_printf("%s to %s", low, high);
    table_text(tb, T_CHANGE, c->is == IS_NOISE && !v->rounds_needed ? "noise" : shift);
    table_text(tb, T_INTERVAL, interval);
}

/* The further columns: what was measured of any setting. */
static size_t more_columns(const struct verdict *v, enum measure ret[MEASURES]) {
    static const enum measure more[] = {MEASURE_CPU,  MEASURE_GC,  MEASURE_READY,
                                        MEASURE_RATE, MEASURE_P50, MEASURE_P99};
    size_t n = 0;
    for (size_t k = 0; k < sizeof more / sizeof *more; k++) {
        bool known = false;
        for (size_t i = 0; i < v->n; i++)
            known = known || v->rows[i].cell[more[k]].n;
        if (known)
            ret[n++] = more[k];
    }
    return n;
}

static void print_settings(struct run *r, const struct trial *t, const struct verdict *v) {
    struct column columns[T_MORE + MEASURES] = {
        [T_SETTING] = {"setting", "SETTING", COL_TEXT},
        [T_START] = {"start", "START", COL_BYTES},
        [T_PEAK] = {"peak", "PEAK", COL_BYTES},
        [T_SETTLED] = {"settled", "SETTLED", COL_BYTES},
        [T_CHANGE] = {"change", "CHANGE", COL_TEXT},
        [T_INTERVAL] = {"interval", "INTERVAL", COL_TEXT},
        [T_PREDICTED] = {"predicted", "PREDICTED", COL_TEXT},
    };
    enum measure more[MEASURES];
    size_t n = more_columns(v, more);
    for (size_t k = 0; k < n; k++) {
        const struct measure_kind *kind = measure_kind(more[k]);
        columns[T_MORE + k] = (struct column){kind->key, kind->title,
                                              kind->unit == UNIT_NS ? COL_DURATION : COL_COUNT};
    }
    struct table *tb = table_new(columns, T_MORE + n);
    for (size_t i = 0; i < v->n; i++) {
        const struct verdict_row *row = &v->rows[i];
        cleanup_free char *predicted = predicted_text(&row->prediction);
        table_row(tb);
        table_text(tb, T_SETTING, name_of(t, i));
        put_size(tb, T_START, &row->cell[MEASURE_START]);
        put_size(tb, T_PEAK, &row->cell[MEASURE_PEAK]);
        put_size(tb, T_SETTLED, &row->cell[MEASURE_SETTLED]);
        put_change(tb, v, row);
        if (row->prediction.kind != PREDICTED_NOT)
            table_text(tb, T_PREDICTED, predicted);
        for (size_t k = 0; k < n; k++)
            put_size(tb, T_MORE + k, &row->cell[more[k]]);
    }
    table_print(tb, r->out, r->width);
    table_free(tb);
}

/* --- where the memory is --- */

/* The middle of what a group had in a setting's runs; false when no run has an account. */
static bool group_median(const struct trial *t, size_t setting, size_t group, double *ret) {
    double x[TRIAL_ROUNDS_MOST];
    size_t n = 0;
    for (size_t i = 0; i < t->runs.n && n < TRIAL_ROUNDS_MOST; i++)
        if (t->runs.at[i].setting == setting && t->runs.at[i].has_account)
            x[n++] = (double)t->runs.at[i].groups.resident[group];
    if (n)
        *ret = rank_median(x, n);
    return n > 0;
}

/* Those in which settings differ by more than a megabyte. */
static size_t groups_that_differ(const struct trial *t, size_t ret[ACCOUNT_GROUPS]) {
    size_t n = 0;
    for (size_t g = 0; g < ACCOUNT_GROUPS; g++) {
        double least = INFINITY, most = -INFINITY, x;
        for (size_t i = 0; i < t->settings.list.n; i++)
            if (group_median(t, i, g, &x)) {
                least = fmin(least, x);
                most = fmax(most, x);
            }
        if (most - least > 1 << 20)
            ret[n++] = g;
    }
    return n;
}

static void print_groups(struct run *r, const struct trial *t) {
    struct column columns[1 + ACCOUNT_GROUPS] = {{"setting", "OF IT SETTLED IN", COL_TEXT}};
    size_t groups[ACCOUNT_GROUPS], n = groups_that_differ(t, groups);
    if (!n)
        return;
    for (size_t k = 0; k < n; k++)
        columns[1 + k] =
            (struct column){NULL, account_group_title((enum account_group)groups[k]), COL_BYTES};
    struct table *tb = table_new(columns, 1 + n);
    for (size_t i = 0; i < t->settings.list.n; i++) {
        double x;
        table_row(tb);
        table_text(tb, 0, name_of(t, i));
        for (size_t k = 0; k < n; k++)
            if (group_median(t, i, groups[k], &x))
                table_u64(tb, 1 + k, (uint64_t)x);
    }
    fputc('\n', r->out);
    table_print(tb, r->out, r->width);
    table_free(tb);
}

/* --- in words --- */

/* "settled RSS -20.1 MiB (-30.2 MiB to -12.2 MiB)". */
static char *difference_text(enum measure m, const struct verdict_cell *c) {
    cleanup_free char *shift = measure_text(m, c->shift.shift, true);
    cleanup_free char *low = measure_text(m, c->shift.low, true);
    cleanup_free char *high = measure_text(m, c->shift.high, true);
    return mem_printf("%s %s (%s to %s)", measure_kind(m)->words, shift, low, high);
}

/* All that is more than noise, and enough to matter. */
static char *differences_text(const struct verdict *v, const struct verdict_row *row) {
    char *all = mem_strdup("");
    for (int m = 0; m < MEASURES; m++) {
        const struct verdict_cell *c = &row->cell[m];
        double base = v->rows[SETTING_BASELINE].cell[m].median;
        if ((c->is != IS_LESS && c->is != IS_MORE) ||
            fabs(c->shift.shift) <= base * VERDICT_WORTH_PERCENT / 100)
            continue;
        cleanup_free char *one = difference_text((enum measure)m, c);
        char *longer = mem_printf("%s%s%s", all, *all ? ", " : "", one);
        free(all);
        all = longer;
    }
    return all;
}

static void print_failure(struct run *r, const struct trial *t, size_t setting,
                          const struct verdict_row *row) {
    const struct trial_run *last = NULL;
    for (size_t i = 0; i < t->runs.n; i++) {
        const struct trial_run *x = &t->runs.at[i];
        if (x->setting == setting && x->outcome != RUN_MEASURED && x->outcome != RUN_ENDED &&
            x->outcome != RUN_CANCELLED)
            last = x;
    }
    if (!last)
        return;
    cleanup_free char *why = text_printable(last->why);
    cleanup_free char *shown = text_printable(last->reason);
    fprintf(r->out, "  %zu of %zu runs failed: it %s%s%s\n", row->failed, row->runs, why,
            *shown ? ": " : "", shown);
}

static bool is_missed(const struct verdict_row *row) {
    double measured = row->cell[MEASURE_SETTLED].median,
           predicted = (double)row->prediction.rss_bytes;
    if (row->prediction.kind == PREDICTED_NOT || !row->cell[MEASURE_SETTLED].n)
        return false;
    double off = row->prediction.kind == PREDICTED_AT_LEAST ? fmax(predicted - measured, 0)
                                                            : fabs(predicted - measured);
    return off > measured * MISSED_PERCENT / 100;
}

/* Of one setting, where there is something to say. */
static void print_setting(struct run *r, const struct trial *t, const struct verdict *v, size_t i) {
    const struct verdict_row *row = &v->rows[i];
    char a[FMT_MAX], b[FMT_MAX];
    cleanup_free char *differences = differences_text(v, row);
    cleanup_free char *name = text_printable(name_of(t, i));
    bool same =
        i != SETTING_BASELINE && row->failed < row->runs && !*differences && !v->rounds_needed;
    if (!row->failed && !row->bad_requests && !*differences && !same)
        return;
    fprintf(r->out, "\n%s%s\n", name, row->hurts ? ": it hurts" : row->saves ? ": it saves" : "");
    print_failure(r, t, i, row);
    if (row->bad_requests)
        fprintf(r->out, "  %s of %s requests failed\n", fmt_count(a, row->bad_requests),
                fmt_count(b, row->requests));
    if (*differences)
        fprintf(r->out, "  %s\n", differences);
    if (same)
        fprintf(r->out, "  no difference that is larger than the noise and than %d %%\n",
                VERDICT_WORTH_PERCENT);
    if (is_missed(row))
        fprintf(r->out, "  the prediction was wrong: %s%s, and it is %s\n",
                row->prediction.kind == PREDICTED_AT_LEAST ? "at least " : "",
                fmt_bytes(a, row->prediction.rss_bytes),
                fmt_bytes(b, (uint64_t)row->cell[MEASURE_SETTLED].median));
}

static void print_ranks(struct run *r, const struct trial *t, const struct verdict *v) {
    if (v->n_ranked < 2 || v->rounds_needed)
        return;
    fprintf(r->out, "\nBy %s, least first:", measure_kind(v->counts)->words);
    for (size_t k = 0; k < v->n_ranked; k++) {
        size_t i = v->order[k];
        bool again = k && v->rows[v->order[k - 1]].rank == v->rows[i].rank;
        cleanup_free char *name = text_printable(name_of(t, i));
        if (again)
            fprintf(r->out, " = %s", name);
        else
            fprintf(r->out, "%s %zu. %s", k ? ";" : "", v->rows[i].rank, name);
    }
    fputs(".\n", r->out);
}

/* "p99 latency +30.2 ms, CPU time +1.2 s". */
static char *price_text(const struct verdict_row *row) {
    char *all = mem_strdup("");
    for (int m = 0; m < MEASURES; m++) {
        if (!(row->price & 1u << m))
            continue;
        cleanup_free char *shift = measure_text((enum measure)m, row->cell[m].shift.shift, true);
        char *longer = mem_printf("%s%s%s %s", all, *all ? ", " : "",
                                  measure_kind((enum measure)m)->words, shift);
        free(all);
        all = longer;
    }
    return all;
}

char *try_report_advice(const struct trial *t, const struct verdict *v) {
    const struct verdict_row *row = &v->rows[v->ship];
    double base = v->rows[SETTING_BASELINE].cell[v->counts].median;
    if (v->ship == SETTING_BASELINE)
        return v->rounds_needed
                   ? mem_printf("None of these, as far as so few rounds tell: add --rounds=%zu.",
                                v->rounds_needed)
                   : mem_strdup("None of these.");
    if (!v->rows[SETTING_BASELINE].cell[v->counts].n)
        return mem_printf("Ship %s: the program lives with it, and not without.",
                          name_of(t, v->ship));
    cleanup_free char *saved = measure_text(v->counts, -row->cell[v->counts].shift.shift, false);
    cleanup_free char *whole = measure_text(v->counts, base, false);
    cleanup_free char *price = price_text(row);
    return mem_printf("Ship %s: it saves %s of %s (%s, %.0f %%), %s%s.", name_of(t, v->ship), saved,
                      whole, measure_kind(v->counts)->words,
                      base > 0 ? -row->cell[v->counts].shift.shift / base * 100 : 0,
                      *price ? "if it is worth its price: " : "and costs nothing that shows",
                      price);
}

static void print_load(struct run *r, const struct load_how *l) {
    char buf[FMT_MAX];
    cleanup_free char *command = l->command ? text_printable(l->command) : NULL;
    cleanup_free char *path = l->path ? text_printable(l->path) : NULL;
    if (command)
        fprintf(r->out, "Load: %s.\n", command);
    else if (path && l->per_second)
        fprintf(r->out, "Load: GET %s, %llu a second, for %s.\n", path,
                (unsigned long long)l->per_second, fmt_duration(buf, l->for_ns));
    else if (path)
        fprintf(r->out, "Load: GET %s over %u connections, for %s.\n", path, l->connections,
                fmt_duration(buf, l->for_ns));
    else
        fputs("Load: none but what the program does by itself.\n", r->out);
}

static void print_head(struct run *r, const struct trial *t, const struct trial_how *how) {
    size_t n = t->settings.list.n - 1;
    cleanup_free char *program = text_printable(how->run.argv[0]);
    double busy[1] = {0};
    fprintf(r->out, "%s %s, as it is and under %zu setting%s, in turn; %zu round%s.\n", program,
            t->settings.node_version ? t->settings.node_version : "", n, n == 1 ? "" : "s",
            t->rounds, t->rounds == 1 ? "" : "s");
    print_load(r, &how->run.load);
    if (getloadavg(busy, 1) == 1)
        fprintf(r->out, "The machine's own load was %.1f at the end.\n", busy[0]);
    fputc('\n', r->out);
}

/* What limits the trial. */
static void print_notes(struct run *r, const struct trial *t, const struct verdict *v,
                        const struct trial_how *how) {
    size_t measured = 0, restless = 0, blind = 0, others = 0;
    uint64_t others_rss = 0;
    char buf[FMT_MAX], limit[FMT_MAX];
    for (size_t i = 0; i < t->runs.n; i++) {
        const struct trial_run *x = &t->runs.at[i];
        measured += x->outcome == RUN_MEASURED;
        restless += x->outcome == RUN_MEASURED && !x->settled;
        blind += x->outcome == RUN_MEASURED && !x->has_account;
        others = x->others > others ? x->others : others;
        others_rss = x->others_rss_bytes > others_rss ? x->others_rss_bytes : others_rss;
    }
    if (measured)
        fprintf(r->out,
                "\nSettled: RSS within %d %% for %s, waited for at most %s after the load.\n",
                RUN_SETTLED_PERCENT, fmt_duration(buf, how->run.settle_ns),
                fmt_duration(limit, how->run.settle_limit_ns));
    if (restless)
        fprintf(r->out,
                "note: in %zu of %zu runs it did not settle: there it is the median of "
                "the last %s\n",
                restless, measured, fmt_duration(buf, how->run.settle_ns));
    if (others)
        fprintf(r->out,
                "note: the program runs up to %zu processes more, of %s, which are not counted\n",
                others, fmt_bytes(buf, others_rss));
    if (blind)
        fprintf(r->out, "note: in %zu runs the memory could not be read\n", blind);
    if (!v->rows[SETTING_BASELINE].cell[MEASURE_GC].n)
        fputs(how->run.gc_times ? "note: node told of no collection\n"
                                : "note: GC pauses are not known: --gc-times has node tell them\n",
              r->out);
    if (v->rounds_needed && !t->interrupted)
        fprintf(r->out, "note: so few rounds (%zu) tell no difference from noise; it takes %zu\n",
                t->rounds, v->rounds_needed);
    for (size_t i = 0; i < t->settings.notes.n; i++) {
        cleanup_free char *note = text_printable(t->settings.notes.at[i]);
        fprintf(r->out, "note: %s\n", note);
    }
    if (t->interrupted)
        fputs("note: interrupted: this is what was measured until then\n", r->out);
}

void try_report_text(struct run *r, const struct trial *t, const struct verdict *v,
                     const struct trial_how *how) {
    cleanup_free char *advice = try_report_advice(t, v);
    cleanup_free char *shown = text_printable(advice);
    print_head(r, t, how);
    print_settings(r, t, v);
    print_groups(r, t);
    for (size_t i = 0; i < v->n; i++)
        print_setting(r, t, v, i);
    print_ranks(r, t, v);
    print_notes(r, t, v, how);
    fprintf(r->out, "\n%s\n", shown);
}
