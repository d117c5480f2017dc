/* A trial as JSON: every run, and what they say together. */
#include "cmd/try_report.h"

#include "base/text.h"
#include "report/document.h"
#include <string.h>

static json_t *words_json(char *const *words, size_t n) {
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, text_json(words[i]));
    return a;
}

/* A whole number where the measure is one. */
static json_t *value_json(enum measure m, double v) {
    return measure_kind(m)->unit == UNIT_PER_SECOND ? json_real(v) : json_integer((json_int_t)v);
}

static json_t *http_json(const struct http_load_result *h) {
    json_t *o = json_object(), *failures = json_object();
    document_u64(o, "requests", h->requests);
    document_u64(o, "bytes", h->bytes);
    document_u64(o, "late", h->late);
    if (h->latency.n)
        document_u64(o, "max_ns", h->latency.most_ns);
    for (int f = 0; f < HTTP_FAILURES; f++)
        document_u64(failures, http_failure_name((enum http_failure)f), h->failures[f]);
    json_object_set_new(o, "failures", failures);
    return o;
}

static json_t *account_json(const struct account_groups *g) {
    json_t *o = json_object();
    for (int i = 0; i < ACCOUNT_GROUPS; i++)
        if (g->resident[i])
            document_u64(o, account_group_title((enum account_group)i), g->resident[i]);
    return o;
}

static json_t *run_json(const struct trial_run *x) {
    json_t *o = json_object();
    document_u64(o, "round", x->round + 1);
    document_u64(o, "pid", (uint64_t)x->pid);
    json_object_set_new(o, "outcome", json_string(run_outcome_name(x->outcome)));
    for (int m = 0; m < MEASURES; m++)
        if (x->known[m])
            json_object_set_new(o, measure_kind((enum measure)m)->key,
                                value_json((enum measure)m, x->value[m]));
    document_u64(o, "took_ns", x->took_ns);
    if (x->outcome == RUN_MEASURED) {
        json_object_set_new(o, "settled", json_boolean(x->settled));
        document_u64(o, "settled_after_ns", x->settled_after_ns);
        document_u64(o, "other_processes", x->others);
        document_u64(o, "other_processes_rss_bytes", x->others_rss_bytes);
    }
    if (x->load.took_ns)
        document_u64(o, "load_ns", x->load.took_ns);
    if (x->load.has_http)
        json_object_set_new(o, "http", http_json(&x->load.http));
    if (x->why)
        json_object_set_new(o, "why", text_json(x->why));
    if (x->tail)
        json_object_set_new(o, "output", text_json(x->tail));
    if (x->has_account)
        json_object_set_new(o, "groups", account_json(&x->groups));
    if (x->account_why)
        json_object_set_new(o, "no_account", text_json(x->account_why));
    return o;
}

static json_t *cell_json(enum measure m, const struct verdict_cell *c) {
    json_t *o = json_object();
    document_u64(o, "n", c->n);
    json_object_set_new(o, "median", value_json(m, c->median));
    json_object_set_new(o, "min", value_json(m, c->least));
    json_object_set_new(o, "max", value_json(m, c->most));
    if (c->is == IS_UNKNOWN)
        return o;
    json_object_set_new(o, "against_baseline", json_string(verdict_is_name(c->is)));
    json_object_set_new(o, "shift", value_json(m, c->shift.shift));
    json_object_set_new(o, "shift_low", value_json(m, c->shift.low));
    json_object_set_new(o, "shift_high", value_json(m, c->shift.high));
    json_object_set_new(o, "confidence", json_real(c->shift.confidence));
    json_object_set_new(o, "p", json_real(c->shift.p));
    json_object_set_new(o, "adjusted_p", json_real(c->adjusted_p));
    return o;
}

static json_t *setting_json(const struct trial *t, const struct verdict *v, size_t i) {
    const struct setting *s = &t->settings.list.at[i];
    const struct verdict_row *row = &v->rows[i];
    json_t *o = json_object(), *measures = json_object(), *runs = json_array();
    json_object_set_new(o, "name", text_json(s->name));
    json_object_set_new(o, "env", words_json(s->env.at, s->env.n));
    json_object_set_new(o, "flags", words_json(s->flags.at, s->flags.n));
    document_u64(o, "failed", row->failed);
    if (row->rank)
        document_u64(o, "rank", row->rank);
    json_object_set_new(o, "saves", json_boolean(row->saves));
    json_object_set_new(o, "hurts", json_boolean(row->hurts));
    if (row->prediction.kind != PREDICTED_NOT)
        document_u64(o,
                     row->prediction.kind == PREDICTED ? "predicted_rss_bytes"
                                                       : "predicted_rss_at_least_bytes",
                     row->prediction.rss_bytes);
    for (int m = 0; m < MEASURES; m++)
        if (row->cell[m].n)
            json_object_set_new(measures, measure_kind((enum measure)m)->key,
                                cell_json((enum measure)m, &row->cell[m]));
    for (size_t k = 0; k < t->runs.n; k++)
        if (t->runs.at[k].setting == i)
            json_array_append_new(runs, run_json(&t->runs.at[k]));
    json_object_set_new(o, "measures", measures);
    json_object_set_new(o, "runs", runs);
    return o;
}

/* [["A B"], ["A"], ["baseline", "B"]]: those of one rank together. */
static json_t *ranking_json(const struct trial *t, const struct verdict *v) {
    json_t *ranks = json_array(), *now = NULL;
    for (size_t k = 0; k < v->n_ranked; k++) {
        size_t i = v->order[k];
        if (!k || v->rows[v->order[k - 1]].rank != v->rows[i].rank) {
            now = json_array();
            json_array_append_new(ranks, now);
        }
        json_array_append_new(now, text_json(t->settings.list.at[i].name));
    }
    return ranks;
}

void try_report_json(struct run *r, const struct trial *t, const struct verdict *v,
                     const struct trial_how *how) {
    cleanup_free char *advice = try_report_advice(t, v);
    json_t *settings = json_array();
    double busy[1];
    for (size_t i = 0; i < v->n; i++)
        json_array_append_new(settings, setting_json(t, v, i));
    json_t *command = json_array();
    for (const char *const *word = how->run.argv; *word; word++)
        json_array_append_new(command, text_json(*word));
    json_object_set_new(r->doc, "command_line", command);
    if (t->settings.node_version)
        json_object_set_new(r->doc, "node_version", text_json(t->settings.node_version + 1));
    document_u64(r->doc, "rounds", t->rounds);
    if (v->rounds_needed)
        document_u64(r->doc, "rounds_needed", v->rounds_needed);
    if (getloadavg(busy, 1) == 1)
        json_object_set_new(r->doc, "load_average", json_real(busy[0]));
    document_u64(r->doc, "settle_ns", how->run.settle_ns);
    json_object_set_new(r->doc, "interrupted", json_boolean(t->interrupted));
    json_object_set_new(r->doc, "ranked_by", json_string(measure_kind(v->counts)->key));
    json_object_set_new(r->doc, "settings", settings);
    json_object_set_new(r->doc, "ranking", ranking_json(t, v));
    json_object_set_new(r->doc, "notes", words_json(t->settings.notes.at, t->settings.notes.n));
    json_object_set_new(r->doc, "ship",
                        v->ship == SETTING_BASELINE ? json_null()
                                                    : text_json(t->settings.list.at[v->ship].name));
    json_object_set_new(r->doc, "advice", text_json(advice));
}
