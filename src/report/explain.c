#include "report/explain.h"

#include "base/fmt.h"
#include "base/text.h"
#include "model/budget.h"
#include "report/document.h"
#include "report/trend.h"
#include <string.h>

#define DIM "\033[2m"
#define BOLD "\033[1m"
#define RESET "\033[0m"

struct printer {
    FILE *out;
    const struct report_style *style;
    const struct evidence *ev;
    uint64_t rss;
};

static const char *on(const struct printer *p, const char *code) {
    return p->style->colour ? code : "";
}

static unsigned width_of(const struct printer *p) {
    unsigned w = p->style->width ? p->style->width : 80;
    return w < 60 ? 60 : w > 120 ? 120 : w;
}

/* Text in lines of the width, each behind `indent` blanks. */
static void print_wrapped(const struct printer *p, const char *text, unsigned indent) {
    unsigned width = width_of(p), column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column && column + 1 + n > width - indent) {
            fputc('\n', p->out);
            column = 0;
        }
        if (!column)
            fprintf(p->out, "%*s", (int)indent, "");
        else
            fputc(' ', p->out);
        fprintf(p->out, "%.*s", (int)n, text);
        column += (unsigned)n + (column ? 1 : 0);
        text += n + strspn(text + n, " ");
    }
    fputc('\n', p->out);
}

static void print_heading(const struct printer *p) {
    const struct evidence *ev = p->ev;
    char rss[FMT_MAX];
    const char *slash = ev->target.exe ? strrchr(ev->target.exe, '/') : NULL;
    fprintf(p->out, "%s%s", on(p, BOLD), slash ? slash + 1 : "process");
    if (ev->v8.node_version[0])
        fprintf(p->out, " %s", ev->v8.node_version);
    if (ev->target.pid > 0)
        fprintf(p->out, ", pid %d", (int)ev->target.pid);
    fprintf(p->out, ": %s %s%s", fmt_bytes(rss, p->rss),
            ev->account.rss_bytes ? "resident" : "with content in the core", on(p, RESET));
    fprintf(p->out, ", %u threads", ev->target.threads);
    if (ev->has_v8)
        fprintf(p->out, ", %zu isolate%s", ev->v8.isolates.n, ev->v8.isolates.n == 1 ? "" : "s");
    if (ev->has_cgroup && ev->cgroup.effective_max.state == CGROUP_LIMIT_SET) {
        char now[FMT_MAX], max[FMT_MAX];
        uint64_t current;
        if (cgroup_get(&ev->cgroup, CGROUP_CURRENT, &current))
            fprintf(p->out, "; its cgroup %s of %s", fmt_bytes(now, current),
                    fmt_bytes(max, ev->cgroup.effective_max.bytes));
    }
    fprintf(p->out, "\n\n");
}

/* A bar of eighths; '#' where the terminal has no block characters. */
static void print_bar(const struct printer *p, uint64_t part, unsigned cells) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    uint64_t units = p->rss ? part * cells * 8 / p->rss : 0;
    unsigned full = (unsigned)(units / 8), used = full;
    for (unsigned i = 0; i < full; i++)
        fputs(p->style->unicode ? "█" : "#", p->out);
    if (p->style->unicode && units % 8) {
        fputs(eighths[units % 8], p->out);
        used++;
    }
    fprintf(p->out, "%*s", (int)(cells - used), "");
}

static void print_groups(const struct printer *p) {
    struct account_groups g = account_groups_sum(&p->ev->account);
    unsigned width = width_of(p), cells = width >= 100 ? 30 : 18;
    for (int i = 0; i < ACCOUNT_GROUPS; i++) {
        char size[FMT_MAX], share[FMT_MAX];
        if (!g.resident[i] && i != GROUP_UNKNOWN)
            continue;
        enum account_group group = (enum account_group)i;
        fprintf(p->out, "  %-17s", account_group_title(group));
        print_bar(p, g.resident[i], cells);
        fprintf(p->out, " %10s %7s", fmt_bytes(size, g.resident[i]),
                fmt_percent(share, g.resident[i], p->rss));
        if (account_group_text(group)[0])
            fprintf(p->out, "  %s%s%s", on(p, DIM), account_group_text(group), on(p, RESET));
        fputc('\n', p->out);
    }
    fputc('\n', p->out);
}

static void print_gap(const struct printer *p, uint64_t heap_total) {
    struct account_groups g = account_groups_sum(&p->ev->account);
    uint64_t heap = g.resident[GROUP_V8_OBJECTS] + g.resident[GROUP_V8_FREE];
    char gap[FMT_MAX], reserve[FMT_MAX];
    if (p->rss > heap)
        fprintf(p->out, "  The kernel counts %s outside V8's heap", fmt_bytes(gap, p->rss - heap));
    if (heap_total > heap)
        fprintf(p->out, "; %s of heapTotal is not in memory",
                fmt_bytes(reserve, heap_total - heap));
    fprintf(p->out, ".\n");
}

static void print_v8(const struct printer *p) {
    const struct v8_census *c = &p->ev->v8;
    char used[FMT_MAX], total[FMT_MAX], buffers[FMT_MAX], strings[FMT_MAX];
    uint64_t heap_total = 0;
    enum { SHOWN = 4 };
    if (!p->ev->has_v8)
        return;
    fprintf(p->out, "%sV8's own numbers%s\n", on(p, BOLD), on(p, RESET));
    for (size_t i = 0; i < c->isolates.n; i++) {
        const struct v8_isolate_census *iso = &c->isolates.at[i];
        heap_total += v8_heap_total(iso);
        if (i >= SHOWN)
            continue;
        fprintf(p->out, "  %-9s heapUsed %s, heapTotal %s, arrayBuffers %s", iso->name,
                fmt_bytes(used, v8_heap_used(iso)), fmt_bytes(total, v8_heap_total(iso)),
                fmt_bytes(buffers, iso->array_buffer_bytes));
        if (iso->external_string_bytes >= 1 << 20)
            fprintf(p->out, ", external strings %s",
                    fmt_bytes(strings, iso->external_string_bytes));
        fputc('\n', p->out);
    }
    if (c->isolates.n > SHOWN)
        fprintf(p->out, "  and %zu more isolates: memwhy heap %d\n", c->isolates.n - SHOWN,
                (int)p->ev->target.pid);
    print_gap(p, heap_total);
    if (!budget_of(p->ev, &(struct budget){0}))
        fputc('\n', p->out);
}

/* What it did while it was watched. */
static void print_trends(const struct printer *p) {
    const struct trends *t = &p->ev->trends;
    char time[FMT_MAX];
    if (!t->rows.n)
        return;
    fprintf(p->out, "%sOver %s%s, %u %s\n", on(p, BOLD),
            fmt_duration(time, (uint64_t)(t->seconds * 1e9)), on(p, RESET),
            t->looks ? t->looks : t->samples, t->looks ? "looks at what lives" : "samples");
    for (size_t i = 0; i < t->rows.n; i++) {
        const struct trend_row *row = &t->rows.at[i];
        cleanup_free char *text = report_trend_text(row, t->end_ns);
        bool alarming = row->trend.kind == TREND_GROWING;
        fprintf(p->out, "  %-20s %s%s%s\n", row->title, alarming ? on(p, BOLD) : "", text,
                alarming ? on(p, RESET) : "");
    }
    fputc('\n', p->out);
}

/* What the remedy's flags are in the target now. */
static void print_flags(const struct printer *p, const struct finding *f) {
    for (size_t i = 0; i < f->flags.n; i++) {
        const struct finding_flag *g = &f->flags.at[i];
        if (!g->exists)
            fprintf(p->out, "  This build has no %s.\n", g->name);
        else if (g->value)
            fprintf(p->out, "  %s is %s now%s.\n", g->name, g->value,
                    g->is_default ? ", the default" : "");
    }
}

/* What the heaps may grow to, and whether there is room for it. */
static void print_budget(const struct printer *p) {
    struct budget b;
    char limit[FMT_MAX], old[FMT_MAX], semi[FMT_MAX], most[FMT_MAX], room[FMT_MAX];
    if (!budget_of(p->ev, &b))
        return;
    const struct v8_limits *l = &p->ev->v8.isolates.at[0].limits;
    bool one = p->ev->v8.isolates.n == 1;
    cleanup_free char *parts =
        one ? mem_printf(" (old generation %s, young %u x %s)", fmt_bytes(old, l->old_bytes),
                         l->semi_spaces, fmt_bytes(semi, l->semi_space_bytes))
            : mem_printf(" in %zu isolates", p->ev->v8.isolates.n);
    cleanup_free char *room_text =
        !b.has_cgroup ? mem_strdup("")
        : b.most_bytes > b.cgroup_bytes
            ? mem_printf(", %s more than its cgroup allows",
                         fmt_bytes(room, b.most_bytes - b.cgroup_bytes))
            : mem_printf(", within the %s of its cgroup", fmt_bytes(room, b.cgroup_bytes));
    cleanup_free char *text =
        mem_printf("V8 lets the heap grow to %s%s; with what is outside it that makes %s%s.",
                   fmt_bytes(limit, b.heap_bytes), parts, fmt_bytes(most, b.most_bytes), room_text);
    print_wrapped(p, text, 2);
    fputc('\n', p->out);
}

static void print_finding(const struct printer *p, const struct finding *f, bool first) {
    char saving[FMT_MAX];
    fprintf(p->out, "%s%s%s (%s)\n", on(p, BOLD), f->cause, on(p, RESET),
            confidence_name(f->confidence));
    if (!first)
        print_wrapped(p, f->why, 2);
    for (size_t i = 0; i < f->evidence.n; i++) {
        const struct finding_evidence *e = &f->evidence.at[i];
        fprintf(p->out, "  - %s", e->text);
        if (e->command)
            fprintf(p->out, "  %s[%s]%s", on(p, DIM), e->command, on(p, RESET));
        fputc('\n', p->out);
    }
    if (f->remedy)
        print_wrapped(p, f->remedy, 2);
    print_flags(p, f);
    if (f->has_saving)
        fprintf(p->out, "  Predicted saving: %s (%s).\n", fmt_bytes(saving, f->saving_bytes),
                f->saving_how);
    if (f->refuted_by)
        fprintf(p->out, "  Refuted by: %s.\n", f->refuted_by);
    fputc('\n', p->out);
}

static void print_unknown(const struct printer *p) {
    const struct account *a = &p->ev->account;
    uint64_t sum = account_sum(a, "unknown");
    char size[FMT_MAX];
    if (sum)
        fprintf(p->out, "Unknown: %s in %zu mappings.  %s[memwhy map %d --owner unknown]%s\n",
                fmt_bytes(size, sum), a->unknown.n, on(p, DIM), (int)p->ev->target.pid,
                on(p, RESET));
}

void report_explain(FILE *out, const struct evidence *ev, const struct diagnosis *d,
                    const struct report_style *style) {
    struct printer p = {out, style, ev,
                        ev->account.rss_bytes ? ev->account.rss_bytes
                                              : ev->account.attributed_bytes};
    print_heading(&p);
    if (d->verdict)
        print_wrapped(&p, d->verdict, 0);
    fputc('\n', out);
    print_trends(&p);
    print_groups(&p);
    print_v8(&p);
    print_budget(&p);
    for (size_t i = 0; i < d->findings.n; i++)
        print_finding(&p, &d->findings.at[i], i == 0);
    for (size_t i = 0; i < d->undecided.n; i++)
        fprintf(out, "Undecided: %s  (%s)\n", d->undecided.at[i].question,
                d->undecided.at[i].command);
    print_unknown(&p);
    document_footer(out, ev);
}

/* --- JSON --- */

static json_t *json_bytes(uint64_t v) {
    return json_integer((json_int_t)v);
}

static void set_text(json_t *o, const char *key, const char *text) {
    if (text)
        json_object_set_new(o, key, json_string(text));
}

static json_t *flags_json(const struct finding *f) {
    json_t *flags = json_array();
    for (size_t i = 0; i < f->flags.n; i++) {
        const struct finding_flag *g = &f->flags.at[i];
        json_t *o = json_pack("{s:s, s:b}", "name", g->name, "exists", g->exists);
        if (g->value) {
            json_object_set_new(o, "value", text_json(g->value));
            json_object_set_new(o, "is_default", json_boolean(g->is_default));
        }
        json_array_append_new(flags, o);
    }
    return flags;
}

static json_t *finding_json(const struct finding *f, bool first) {
    json_t *o = json_pack("{s:s, s:b, s:o, s:s}", "cause", f->cause, "first", first, "bytes",
                          json_bytes(f->bytes), "confidence", confidence_name(f->confidence));
    json_t *evidence = json_array();
    set_text(o, "why", f->why);
    for (size_t i = 0; i < f->evidence.n; i++) {
        json_t *e = json_object();
        set_text(e, "text", f->evidence.at[i].text);
        json_object_set_new(e, "value", json_bytes(f->evidence.at[i].value));
        set_text(e, "command", f->evidence.at[i].command);
        json_array_append_new(evidence, e);
    }
    json_object_set_new(o, "evidence", evidence);
    if (f->remedy) {
        json_t *r = json_object();
        set_text(r, "class", f->remedy_class);
        set_text(r, "text", f->remedy);
        if (f->has_saving)
            json_object_set_new(r, "saving_bytes", json_bytes(f->saving_bytes));
        set_text(r, "saving_how", f->saving_how);
        if (f->flags.n)
            json_object_set_new(r, "flags", flags_json(f));
        json_object_set_new(o, "remedy", r);
    }
    set_text(o, "refuted_by", f->refuted_by);
    set_text(o, "path", f->path);
    if (f->count)
        json_object_set_new(o, "count", json_bytes(f->count));
    return o;
}

static void set_budget(json_t *doc, const struct evidence *ev) {
    struct budget b;
    if (!budget_of(ev, &b))
        return;
    json_t *o = json_object();
    json_object_set_new(o, "heap_limit_bytes", json_bytes(b.heap_bytes));
    json_object_set_new(o, "outside_bytes", json_bytes(b.outside_bytes));
    json_object_set_new(o, "most_bytes", json_bytes(b.most_bytes));
    if (b.has_cgroup)
        json_object_set_new(o, "cgroup_limit_bytes", json_bytes(b.cgroup_bytes));
    json_object_set_new(doc, "budget", o);
}

void report_explain_json(json_t *doc, const struct evidence *ev, const struct diagnosis *d) {
    struct fact facts[FACTS_MAX];
    size_t n = facts_of(ev, facts);
    json_t *fo = json_object(), *findings = json_array(), *undecided = json_array();
    json_object_set_new(doc, "account", document_account(&ev->account));
    for (size_t i = 0; i < n; i++)
        json_object_set_new(fo, facts[i].name, json_bytes(facts[i].value));
    json_object_set_new(doc, "facts", fo);
    set_budget(doc, ev);
    if (ev->trends.rows.n)
        json_object_set_new(doc, "series", report_trends_json(&ev->trends));
    set_text(doc, "verdict", d->verdict);
    for (size_t i = 0; i < d->findings.n; i++)
        json_array_append_new(findings, finding_json(&d->findings.at[i], i == 0));
    for (size_t i = 0; i < d->undecided.n; i++) {
        json_t *u = json_object();
        set_text(u, "question", d->undecided.at[i].question);
        set_text(u, "command", d->undecided.at[i].command);
        json_array_append_new(undecided, u);
    }
    const char *cause = d->findings.n ? d->findings.at[0].cause : d->healthy;
    if (cause)
        json_object_set_new(doc, "cause", json_string(cause));
    json_object_set_new(doc, "findings", findings);
    json_object_set_new(doc, "undecided", undecided);
}
