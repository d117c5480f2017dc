#include "cmd/growth_report.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/growth_limit.h"
#include "model/groups.h"
#include "report/document.h"
#include <inttypes.h>
#include <string.h>

/* --- one process? --- */

static const struct v8_isolate_census *main_isolate(const struct evidence *ev) {
    return ev->v8.isolates.n ? &ev->v8.isolates.at[0] : NULL;
}

/* The isolate is where malloc happened to put it: another process would hardly have it there. */
bool growth_same_process(const struct evidence *a, const struct evidence *b,
                         const char **ret_why_not) {
    const struct v8_isolate_census *x = main_isolate(a), *y = main_isolate(b);
    *ret_why_not = NULL;
    if (a->target.pid && b->target.pid && a->target.pid != b->target.pid)
        *ret_why_not = "their process ids differ";
    else if (a->has_process && b->has_process && a->process.started_ns != b->process.started_ns)
        *ret_why_not = "one was started later than the other";
    else if (a->target.exe && b->target.exe && strcmp(a->target.exe, b->target.exe) != 0)
        *ret_why_not = "they run different programs";
    else if (!x || !y || x->isolate != y->isolate)
        *ret_why_not = "V8 is not in the same place in both";
    return !*ret_why_not;
}

/* --- words --- */

static const struct growth_side *last_of(const struct growth_report *g) {
    return &g->side[g->n - 1];
}

static const char *verdict_word(enum growth_verdict v) {
    static const char *const words[] = {
        [GROWTH_NONE] = "none",       [GROWTH_GROWS] = "grows", [GROWTH_SLOWS] = "slows",
        [GROWTH_BOUNDED] = "bounded", [GROWTH_TURNS] = "turns", [GROWTH_YOUNG] = "young"};
    return words[v];
}

static const char *identity_word(enum growth_identity i) {
    static const char *const words[] = {
        [GROWTH_BY_ADDRESS] = "address", [GROWTH_BY_PATH] = "path", [GROWTH_NEW] = "new"};
    return words[i];
}

static const char *kind_word(enum holder_kind k) {
    static const char *const words[] = {
        [HOLDER_ARRAY] = "array",           [HOLDER_TABLE] = "collection",
        [HOLDER_DICTIONARY] = "dictionary", [HOLDER_LINKED] = "linked",
        [HOLDER_OWNER] = "owner",           [HOLDER_LARGE] = "large",
        [HOLDER_WORKERS] = "workers"};
    return words[k];
}

/* What the members are called: of an array, entries; of what is linked, the objects themselves. */
static char *members_text(const struct holder *h) {
    char count[FMT_MAX];
    fmt_count(count, h->members);
    switch (h->kind) {
    case HOLDER_LINKED:
        return mem_printf("%s × %s, each held by another", count, h->class);
    case HOLDER_OWNER:
        return mem_printf("%s × %s hang on one %s", count, h->member_class, h->class);
    case HOLDER_LARGE:
        return mem_printf("one %s", h->class);
    case HOLDER_WORKERS:
        return mem_printf("%s workers", count);
    default:
        return mem_printf("%s of %s entries", h->class, count);
    }
}

static char *rate_text(double per_second) {
    char count[FMT_MAX];
    if (!(per_second > 0))
        return mem_strdup("");
    if (per_second < 10)
        return mem_printf(" (%.2g a second)", per_second);
    return mem_printf(" (%s a second)", fmt_count(count, (uint64_t)(per_second + 0.5)));
}

static char *more_text(const struct growth *g) {
    char count[FMT_MAX], bytes[FMT_MAX];
    fmt_delta(bytes, g->bytes_delta);
    if (g->by_bytes || g->members_delta <= 0)
        return mem_printf("%s%s", bytes, g->now->members ? " held by them" : "");
    cleanup_free char *rate = rate_text(g->members_per_second);
    return mem_printf("+%s%s, %s", fmt_count(count, (uint64_t)g->members_delta), rate, bytes);
}

/* How long it takes to fill up, with a third to see that it does not go on. */
static uint64_t seconds_to_fill(const struct growth *g) {
    if (!(g->members_per_second > 0) || g->now->bound <= g->now->members)
        return 0;
    double s = (double)(g->now->bound - g->now->members) / g->members_per_second * 1.3;
    return s < 1e7 ? (uint64_t)s + 1 : 0;
}

static char *undecided_text(const struct growth *g) {
    char count[FMT_MAX];
    switch (g->verdict) {
    case GROWTH_SLOWS:
        return mem_strdup("it grew less than a third as fast in the end: it may be filling up");
    case GROWTH_BOUNDED:
        return mem_printf("%s beside it is %s, which it has not reached", g->now->bound_name,
                          fmt_count(count, g->now->bound));
    case GROWTH_TURNS:
        return mem_strdup("most of what was in it is gone: a queue, or work under way");
    default:
        return mem_strdup("what it holds is young: whether that stays is not known yet");
    }
}

/* --- text --- */

static void print_behind(struct run *r, const struct holder *h) {
    if (!h->member_class || h->kind == HOLDER_WORKERS)
        return;
    cleanup_free char *class = text_printable(h->member_class);
    fprintf(r->out, "      most of them %s", class);
    if (h->script) {
        cleanup_free char *script = text_printable(h->script);
        fprintf(r->out, ", written at %s", script);
        if (h->script_line)
            fprintf(r->out, ":%" PRIu32, h->script_line);
    }
    fputc('\n', r->out);
}

static void print_link(struct run *r, const struct holder *h) {
    if (!h->link || !*h->link)
        return;
    cleanup_free char *link = text_printable(h->link);
    fprintf(r->out, "      each by %s\n", link);
}

static void print_place(struct run *r, const struct growth *g) {
    cleanup_free char *line = text_printable(g->now->line ? g->now->line : g->now->class);
    cleanup_free char *members = members_text(g->now), *more = more_text(g);
    cleanup_free char *shown = text_printable(members);
    fprintf(r->out, "%s\n      %s: %s\n", line, shown, more);
}

/* How many. */
static size_t print_growing(struct run *r, const struct growth_report *g) {
    size_t n = 0;
    for (size_t i = 0; i < g->list.list.n; i++) {
        const struct growth *one = &g->list.list.at[i];
        if (one->verdict != GROWTH_GROWS)
            continue;
        fprintf(r->out, "%2zu. ", ++n);
        print_place(r, one);
        print_behind(r, one->now);
        print_link(r, one->now);
        if (one->asked)
            fprintf(r->out,
                    "      of %" PRIu32 " members of the look before, %" PRIu32
                    " are still there\n",
                    one->asked, one->kept);
        if (one->now->addr)
            fprintf(r->out,
                    last_of(g)->summary.is_file ? "      memwhy open %s path %" PRIu64 "\n"
                                                : "      memwhy inspect %s 0x%" PRIx64 "\n",
                    last_of(g)->target, one->now->addr);
        fputc('\n', r->out);
    }
    return n;
}

static void print_undecided(struct run *r, const struct growth_report *g) {
    bool begun = false;
    for (size_t i = 0; i < g->list.list.n; i++) {
        const struct growth *one = &g->list.list.at[i];
        if (one->verdict == GROWTH_GROWS)
            continue;
        if (!begun)
            fputs("Not decided:\n", r->out);
        begun = true;
        fputs("    ", r->out);
        print_place(r, one);
        cleanup_free char *why = undecided_text(one);
        cleanup_free char *shown = text_printable(why);
        uint64_t wait = one->verdict == GROWTH_BOUNDED ? seconds_to_fill(one) : 0;
        double took = g->n > 2 ? g->side[1].seconds + g->side[2].seconds : 60;
        if (!wait)
            wait = (uint64_t)(5 * took + 1);
        fprintf(r->out, "      %s\n", shown);
        if (last_of(g)->ev.target.pid && strcmp(last_of(g)->ev.target.kind, "core") != 0)
            fprintf(r->out, "      memwhy growth %s --for %" PRIu64 "s    decides\n",
                    last_of(g)->target, wait);
    }
    if (begun)
        fputc('\n', r->out);
}

/* --- classes --- */

enum { C_NAME, C_THEN, C_NOW, C_DELTA, C_BYTES, C_PROPERTIES, C_WHERE, C_COLUMNS };

static struct table *class_table(const struct histogram *then, const struct histogram *now,
                                 bool only_more, size_t most) {
    static const struct column columns[C_COLUMNS] = {
        [C_NAME] = {"name", "CLASS", COL_TEXT},
        [C_THEN] = {"count_then", "THEN", COL_COUNT},
        [C_NOW] = {"count_now", "NOW", COL_COUNT},
        [C_DELTA] = {"count_delta", "MORE", COL_COUNT},
        [C_BYTES] = {"bytes_delta", "BYTES", COL_DELTA},
        [C_PROPERTIES] = {"properties", NULL, COL_TEXT},
        [C_WHERE] = {NULL, "WRITTEN AT", COL_TEXT},
    };
    struct histogram_growth_list growth;
    struct table *t = table_new(columns, C_COLUMNS);
    histogram_compare(then, now, &growth);
    for (size_t i = 0; i < growth.list.n && (!most || table_rows(t) < most); i++) {
        const struct histogram_growth *g = &growth.list.at[i];
        const struct histogram_class *c = g->now ? g->now : g->then;
        if (only_more && (g->bytes_delta <= 0 || g->count_delta <= 0))
            continue;
        table_row(t);
        table_text(t, C_NAME, c->name);
        table_u64(t, C_THEN, g->count_then);
        table_u64(t, C_NOW, g->count_now);
        table_i64(t, C_DELTA, g->count_delta);
        table_i64(t, C_BYTES, g->bytes_delta);
        if (c->properties)
            table_text(t, C_PROPERTIES, c->properties);
        if (!c->script)
            continue;
        cleanup_free char *where =
            c->line ? mem_printf("%s:%u", c->script, c->line) : mem_strdup(c->script);
        table_text(t, C_WHERE, where);
        table_json_field(t, "script", text_json(c->script));
        if (c->line)
            table_json_field(t, "line", json_integer(c->line));
    }
    vec_free(&growth.list);
    return t;
}

static void print_classes(struct run *r, const struct growth_report *g, size_t most) {
    const struct heap_summary *a = &g->side[0].summary, *b = &last_of(g)->summary;
    bool only_classes = a->is_file || b->is_file;
    struct table *t = class_table(only_classes ? &a->classes : &a->sources,
                                  only_classes ? &b->classes : &b->sources, true, most);
    if (table_rows(t)) {
        fputs("Live objects there are more of, garbage left out:\n", r->out);
        table_print(t, r->out, r->width);
        fputc('\n', r->out);
    }
    table_free(t);
}

/* --- the whole process --- */

struct whole {
    bool known; /* of one process, with both accounts */
    int64_t live, rss;
    const char *rest; /* what most is that was added and does not live; NULL: nothing was */
    int64_t rest_delta;
};

static int64_t live_outside(const struct heap_summary *s) {
    uint64_t sum = 0;
    for (size_t i = 0; i < s->classes.classes.n; i++)
        sum += s->classes.classes.at[i].off_heap_live;
    return (int64_t)sum;
}

/* Of the account's groups, those that hold what lives without what was added of that. */
static void find_rest(const struct growth_side *a, const struct growth_side *b, struct whole *w) {
    struct account_groups x = account_groups_sum(&a->ev.account);
    struct account_groups y = account_groups_sum(&b->ev.account);
    int64_t outside = live_outside(&b->summary) - live_outside(&a->summary);
    for (int i = 0; i < ACCOUNT_GROUPS; i++) {
        int64_t more = (int64_t)(y.resident[i] - x.resident[i]);
        const char *title = account_group_title((enum account_group)i);
        if (i == GROUP_V8_OBJECTS) {
            more -= w->live - outside;
            title = "V8 objects that are garbage";
        } else if (i == GROUP_ARRAY_BUFFERS) {
            more -= outside;
            title = "ArrayBuffers of garbage";
        }
        if (more > w->rest_delta) {
            w->rest = title;
            w->rest_delta = more;
        }
    }
}

static struct whole whole_of(const struct growth_report *g) {
    const struct growth_side *a = &g->side[0], *b = last_of(g);
    struct whole w = {.live = (int64_t)(b->summary.live_bytes - a->summary.live_bytes)};
    w.known = g->same_process && a->ev.has_account && b->ev.has_account;
    if (w.known) {
        w.rss = (int64_t)(b->ev.account.attributed_bytes - a->ev.account.attributed_bytes);
        find_rest(a, b, &w);
    }
    return w;
}

static void print_whole(struct run *r, const struct whole *w) {
    enum { WORTH = 1 << 20 };
    char live[FMT_MAX], rss[FMT_MAX], rest[FMT_MAX];
    fprintf(r->out, "What lives: %s", fmt_delta(live, w->live));
    if (w->known)
        fprintf(r->out, "; the process in memory: %s", fmt_delta(rss, w->rss));
    fputs(".\n", r->out);
    if (!w->known || w->rss - w->live < WORTH || !w->rest)
        return;
    fprintf(r->out, "Of the rest most is %s, %s: `memwhy diff %s` has every owner.\n", w->rest,
            fmt_delta(rest, w->rest_delta), "A B");
}

static void print_limit(struct run *r, const struct growth_limit *l) {
    enum { SECONDS_MOST = 100000000 }; /* three years: nobody waits for that */
    char live[FMT_MAX], limit[FMT_MAX], rate[FMT_MAX], left[FMT_MAX];
    if (!l->limit_bytes || l->seconds > SECONDS_MOST)
        return;
    fprintf(r->out,
            "In the old generation %s live, %s an hour more; V8 allows %s: if it goes on like "
            "this, that is reached in %s.\n",
            fmt_bytes(live, l->live_bytes), fmt_bytes(rate, (uint64_t)(l->bytes_per_second * 3600)),
            fmt_bytes(limit, l->limit_bytes), fmt_duration(left, (uint64_t)(l->seconds * 1e9)));
}

/* --- JSON --- */

static json_t *steps_json(const struct holder *h) {
    json_t *steps = json_array();
    for (size_t i = 0; i < h->steps.n; i++)
        json_array_append_new(steps, text_json(h->steps.at[i]));
    return steps;
}

static void put_text(json_t *to, const char *key, const char *text) {
    if (text)
        json_object_set_new(to, key, text_json(text));
}

static void put_u64(json_t *to, const char *key, uint64_t v) {
    json_object_set_new(to, key, json_integer((json_int_t)v));
}

static void put_i64(json_t *to, const char *key, int64_t v) {
    json_object_set_new(to, key, json_integer((json_int_t)v));
}

static void put_bound(json_t *row, const struct holder *h) {
    if (!h->bound_name)
        return;
    json_t *bound = json_object();
    put_text(bound, "name", h->bound_name);
    put_u64(bound, "value", h->bound);
    json_object_set_new(row, "bound", bound);
}

static json_t *holder_json(const struct growth *g, bool is_file) {
    const struct holder *h = g->now;
    json_t *row = json_object();
    char addr[24];
    snprintf(addr, sizeof addr, "0x%" PRIx64, h->addr);
    json_object_set_new(row, "path", steps_json(h));
    put_text(row, "path_text", h->line);
    put_text(row, "link", h->link);
    put_text(row, "class", h->class);
    json_object_set_new(row, "kind", json_string(kind_word(h->kind)));
    json_object_set_new(row, "verdict", json_string(verdict_word(g->verdict)));
    json_object_set_new(row, "identity", json_string(identity_word(g->identity)));
    if (h->addr && is_file)
        put_u64(row, "id", h->addr);
    else if (h->addr)
        json_object_set_new(row, "addr", json_string(addr));
    put_u64(row, "entries", h->members);
    put_i64(row, "entries_delta", g->members_delta);
    put_i64(row, "bytes_delta", g->bytes_delta);
    if (g->members_per_second != 0 || g->bytes_per_second != 0) {
        json_object_set_new(row, "per_second", json_real(g->members_per_second));
        json_object_set_new(row, "bytes_per_second", json_real(g->bytes_per_second));
    }
    put_u64(row, "shallow", h->shallow);
    put_u64(row, "retained", h->retained);
    put_u64(row, "off_heap", h->off_heap);
    put_text(row, "entries_class", h->member_class);
    put_text(row, "script", h->script);
    if (h->script_line)
        put_u64(row, "line", h->script_line);
    put_bound(row, h);
    if (g->asked) {
        put_u64(row, "sampled", g->asked);
        put_u64(row, "sampled_kept", g->kept);
    }
    return row;
}

static json_t *looks_json(const struct growth_report *g) {
    json_t *looks = json_array();
    for (size_t i = 0; i < g->n; i++) {
        const struct growth_side *s = &g->side[i];
        json_t *look = json_object();
        document_common(look, &s->ev);
        put_u64(look, "live_bytes", s->summary.live_bytes);
        if (s->ev.has_account)
            put_u64(look, "rss_bytes", s->ev.account.attributed_bytes);
        if (s->seconds > 0)
            json_object_set_new(look, "seconds", json_real(s->seconds));
        json_array_append_new(looks, look);
    }
    return looks;
}

static void put_classes(struct run *r, const char *key, const struct histogram *then,
                        const struct histogram *now) {
    struct table *t = class_table(then, now, false, 0);
    json_object_set_new(r->doc, key, table_to_json(t));
    table_free(t);
}

static void put_limit(json_t *doc, const struct growth_limit *l) {
    if (!l->limit_bytes)
        return;
    json_t *limit = json_object();
    put_u64(limit, "old_generation", l->limit_bytes);
    put_u64(limit, "live_bytes", l->live_bytes);
    json_object_set_new(limit, "bytes_per_second", json_real(l->bytes_per_second));
    json_object_set_new(limit, "seconds_left", json_real(l->seconds));
    json_object_set_new(doc, "limit", limit);
}

void growth_report_put_holders(json_t *to, const struct growth_report *g) {
    json_t *growing = json_array(), *undecided = json_array();
    for (size_t i = 0; i < g->list.list.n; i++) {
        const struct growth *one = &g->list.list.at[i];
        json_array_append_new(one->verdict == GROWTH_GROWS ? growing : undecided,
                              holder_json(one, last_of(g)->summary.is_file));
    }
    json_object_set_new(to, "containers", growing);
    json_object_set_new(to, "undecided", undecided);
}

static void to_json(struct run *r, const struct growth_report *g, const struct whole *w,
                    const struct growth_limit *limit) {
    const struct heap_summary *a = &g->side[0].summary, *b = &last_of(g)->summary;
    document_common(r->doc, &last_of(g)->ev);
    json_object_set_new(r->doc, "same_process", json_boolean(g->same_process));
    growth_report_put_holders(r->doc, g);
    put_classes(r, "classes", &a->classes, &b->classes);
    if (!a->is_file && !b->is_file) {
        put_classes(r, "shapes", &a->shapes, &b->shapes);
        put_classes(r, "sources", &a->sources, &b->sources);
    }
    put_i64(r->doc, "live_delta", w->live);
    if (w->known)
        put_i64(r->doc, "rss_delta", w->rss);
    put_limit(r->doc, limit);
    json_object_set_new(r->doc, "looks", looks_json(g));
}

static void to_text(struct run *r, const struct growth_report *g, const struct whole *w,
                    const struct growth_limit *limit) {
    enum { CLASSES_SHOWN = 10 };
    if (!print_growing(r, g))
        fputs("Nothing grows.\n\n", r->out);
    print_undecided(r, g);
    print_classes(r, g, (size_t)opt_u64(r->opts, "top", CLASSES_SHOWN));
    print_whole(r, w);
    print_limit(r, limit);
    for (size_t i = 0; i < g->n; i++) {
        fprintf(r->out, "Look %zu: ", i + 1);
        document_footer(r->out, &g->side[i].ev);
    }
}

void growth_report_print_holders(struct run *r, const struct growth_report *g) {
    print_growing(r, g);
    print_undecided(r, g);
}

int growth_report_show(struct run *r, const struct growth_report *g) {
    struct whole w = whole_of(g);
    struct growth_limit limit = growth_limit_of(g);
    bool incomplete = false, grows = false;
    if (r->json)
        to_json(r, g, &w, &limit);
    else
        to_text(r, g, &w, &limit);
    for (size_t i = 0; i < g->n; i++)
        incomplete =
            incomplete || g->side[i].ev.v8.unwalked_bytes || g->side[i].ev.v8.in_collection;
    for (size_t i = 0; i < g->list.list.n; i++)
        grows = grows || g->list.list.at[i].verdict == GROWTH_GROWS;
    return incomplete ? 4 : grows;
}

void growth_report_done(struct growth_report *g) {
    for (size_t i = 0; i < g->n; i++) {
        heap_summary_done(&g->side[i].summary);
        evidence_done(&g->side[i].ev);
    }
    vec_free(&g->list.list);
    g->n = 0;
}
