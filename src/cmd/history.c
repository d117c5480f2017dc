/* memwhy history: what a recording says, in a terminal. */
#include "base/fmt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/history_read.h"
#include "collect/recorded.h"
#include "report/sparkline.h"
#include "report/trend.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull

struct recording {
    const char *path;
    struct store *store;
    struct store_processes processes;
    struct store_recordings recordings;
    struct store_gaps gaps;
    uint64_t from_ns, to_ns; /* of the store: what is asked for */
};

/* --- what is asked for --- */

static int read_moment(struct run *r, struct recording *rec, const char *option, uint64_t *io) {
    const char *text = opt_string(r->opts, option, NULL);
    uint64_t wall, first = store_wall_ns(rec->store, rec->from_ns),
                   last = store_wall_ns(rec->store, rec->to_ns);
    if (!text)
        return 0;
    if (recorded_when(text, first, last, &wall) < 0)
        return err_set(&r->err, -EINVAL,
                       "Give 14:05, 2026-11-22T14:05:30, or -2h: so long before the end.",
                       "--%s=%s is no time", option, text);
    *io = store_time_ns(rec->store, wall);
    return 0;
}

static int asked_fields(struct run *r, uint64_t *ret) {
    const char *name, *text;
    *ret = 0;
    for (size_t i = 0; opt_nth(r->opts, i, &name, &text); i++) {
        if (strcmp(name, "owner") != 0)
            continue;
        int f = sample_field_find(text);
        if (f < 0)
            return err_set(&r->err, -EINVAL,
                           "Some are rss, heap_used, array_buffers, malloc_arenas, cgroup_current; "
                           "`memwhy history --help` has all.",
                           "no field of a recording is named so: %s", text);
        *ret |= UINT64_C(1) << f;
    }
    return 0;
}

static bool is_asked(struct run *r, const struct recording *rec, const struct store_process *p) {
    uint64_t pid = opt_u64(r->opts, "process", 0);
    return (!pid || (uint64_t)p->id.pid == pid) && p->last_ns >= rec->from_ns &&
           p->first_ns <= rec->to_ns;
}

static int open_recording(struct run *r, const char *path, struct recording *rec) {
    *rec = (struct recording){.path = path};
    int rc = store_open(path, &rec->store, &r->err);
    if (rc == 0)
        rc = store_span(rec->store, &rec->from_ns, &rec->to_ns, &r->err);
    if (rc == 0)
        rc = store_processes(rec->store, &rec->processes, &r->err);
    if (rc == 0)
        rc = store_recordings(rec->store, &rec->recordings, &r->err);
    if (rc == 0)
        rc = store_gaps(rec->store, &rec->gaps, &r->err);
    uint64_t from = rec->from_ns, to = rec->to_ns;
    if (rc == 0)
        rc = read_moment(r, rec, "from", &from);
    if (rc == 0)
        rc = read_moment(r, rec, "to", &to);
    rec->from_ns = from;
    rec->to_ns = to;
    return rc;
}

static void close_recording(struct recording *rec) {
    store_gaps_done(&rec->gaps);
    store_recordings_done(&rec->recordings);
    store_processes_done(&rec->processes);
    store_free(rec->store);
}

/* --- words --- */

static char *end_text(const struct store_process *p) {
    switch (p->end) {
    case STORE_END_GONE:
        return mem_strdup("ended");
    case STORE_END_OOM_KILL:
        return mem_strdup("killed for memory: its cgroup counted an OOM kill");
    case STORE_END_EXIT:
        return mem_printf("ended with exit code %d", p->status);
    case STORE_END_SIGNAL:
        return mem_printf("killed by signal %d", p->status);
    default:
        return mem_strdup("there until the last round");
    }
}

static const char *end_word(enum store_end end) {
    static const char *const words[] = {[STORE_END_NONE] = "none",
                                        [STORE_END_GONE] = "gone",
                                        [STORE_END_OOM_KILL] = "oom-kill",
                                        [STORE_END_EXIT] = "exit",
                                        [STORE_END_SIGNAL] = "signal"};
    return words[end];
}

enum { MOMENT_MAX = 32 };

/* "2026-11-22 14:03:20", local time. */
static char *wall_text(const struct recording *rec, char buf[MOMENT_MAX], uint64_t time_ns) {
    time_t s = (time_t)(store_wall_ns(rec->store, time_ns) / SECOND_NS);
    struct tm t;
    localtime_r(&s, &t);
    strftime(buf, MOMENT_MAX, "%Y-%m-%d %H:%M:%S", &t);
    return buf;
}

static bool grows(const struct history *h) {
    for (size_t i = 0; i < h->fields.n; i++)
        if (h->fields.at[i].judged && h->fields.at[i].row.trend.kind == TREND_GROWING)
            return true;
    return false;
}

/* --- text --- */

static void print_amount(FILE *out, enum sample_unit unit, double v) {
    char text[FMT_MAX];
    uint64_t n = (uint64_t)(v + 0.5);
    if (unit == SAMPLE_BYTES)
        fmt_bytes(text, n);
    else if (unit == SAMPLE_NS)
        fmt_duration(text, n);
    else
        fmt_count(text, n);
    fprintf(out, " %10s", text);
}

/* Nothing is said of what the process has none of, unless it was asked for. */
static bool is_shown(struct run *r, const struct history_field *f) {
    return f->max > 0 || opt_string(r->opts, "owner", NULL);
}

static void print_fields(struct run *r, const struct recording *rec, const struct history *h) {
    enum { CELLS_LEAST = 16, BEFORE_CELLS = 66 };
    unsigned width = r->width ? r->width : 100;
    unsigned cells =
        width > BEFORE_CELLS + CELLS_LEAST ? width - BEFORE_CELLS : (unsigned)CELLS_LEAST;
    fprintf(r->out, "%-20s %10s %10s %10s %10s\n", "OWNER", "MIN", "MEDIAN", "MAX", "NOW");
    for (size_t i = 0; i < h->fields.n; i++) {
        const struct history_field *f = &h->fields.at[i];
        const struct sample_field_info *info = sample_field_info(f->field);
        if (!is_shown(r, f))
            continue;
        cleanup_free char *line = sparkline(
            &f->tops, 0, (double)(h->to_ns - h->from_ns) / (double)SECOND_NS, cells, r->unicode);
        fprintf(r->out, "%-20s", info->title);
        print_amount(r->out, info->unit, f->min);
        print_amount(r->out, info->unit, f->median);
        print_amount(r->out, info->unit, f->max);
        print_amount(r->out, info->unit, f->now);
        fprintf(r->out, "  %s\n", line);
    }
    fputc('\n', r->out);
    for (size_t i = 0; i < h->fields.n; i++) {
        const struct history_field *f = &h->fields.at[i];
        if (!f->judged || !is_shown(r, f))
            continue;
        cleanup_free char *text = report_trend_text(&f->row, store_wall_ns(rec->store, h->to_ns));
        fprintf(r->out, "%-20s %s\n", sample_field_info(f->field)->title, text);
    }
}

static void print_collections(FILE *out, const struct history *h) {
    char count[FMT_MAX], pause[FMT_MAX], longest[FMT_MAX];
    double seconds = (double)(h->to_ns - h->from_ns) / (double)SECOND_NS;
    if (h->has_cpu)
        fprintf(out, "CPU %.1f %%. ", 100 * h->cpu_part);
    if (h->has_major)
        fprintf(out, "%s full collections. ", fmt_count(count, h->gcs_major));
    if (h->has_minor)
        fprintf(out, "%s of the young generation. ", fmt_count(count, h->gcs_minor));
    if (h->gc_pause_ns && seconds > 0)
        fprintf(out, "%.2f %% of the time in collections (%s), the longest pause %s.",
                100 * (double)h->gc_pause_ns / (double)SECOND_NS / seconds,
                fmt_duration(pause, h->gc_pause_ns), fmt_duration(longest, h->gc_longest_ns));
    if (h->has_cpu || h->has_major || h->has_minor || h->gc_pause_ns)
        fputc('\n', out);
}

static void print_process(struct run *r, const struct recording *rec, const struct history *h) {
    const struct store_process *p = h->process;
    char from[MOMENT_MAX], to[MOMENT_MAX];
    cleanup_free char *name = text_printable(p->command && *p->command ? p->command : p->name);
    cleanup_free char *end = end_text(p);
    fprintf(r->out, "pid %d%s%s: %s\n", (int)p->id.pid, p->version[0] ? ", node " : "", p->version,
            name);
    fprintf(r->out, "%s to %s; %s.\n\n", wall_text(rec, from, h->from_ns),
            wall_text(rec, to, h->to_ns), end);
    print_fields(r, rec, h);
    fputc('\n', r->out);
    print_collections(r->out, h);
    if (p->no_v8) {
        cleanup_free char *why = text_printable(p->no_v8);
        fprintf(r->out, "Without V8's counters: %s\n", why);
    }
    if (h->damaged)
        fprintf(r->out, "%zu damaged parts of the recording were left out.\n", h->damaged);
    fputc('\n', r->out);
}

static bool gap_is_asked(const struct recording *rec, const struct store_gap *g) {
    return g->to_ns >= rec->from_ns && g->from_ns <= rec->to_ns;
}

static void print_gaps(struct run *r, const struct recording *rec) {
    enum { SHOWN = 8 };
    size_t n = 0;
    char from[MOMENT_MAX], to[MOMENT_MAX];
    for (size_t i = 0; i < rec->gaps.list.n; i++) {
        const struct store_gap *g = &rec->gaps.list.at[i];
        if (!gap_is_asked(rec, g) || n++ >= SHOWN)
            continue;
        fprintf(r->out, "Nothing from %s to %s: %s.\n", wall_text(rec, from, g->from_ns),
                wall_text(rec, to, g->to_ns), store_gap_text(g->why));
    }
    if (n > SHOWN)
        fprintf(r->out, "%zu more gaps: --json has all.\n", n - SHOWN);
}

/* --- CSV --- */

/* One row for each time any of the fields has a point at. */
static void print_csv(struct run *r, const struct recording *rec, const struct history *h) {
    size_t at[SAMPLE_FIELDS] = {0};
    for (;;) {
        uint64_t time_ns = UINT64_MAX, span_ns = 0;
        for (size_t i = 0; i < h->fields.n; i++) {
            const struct store_series *s = &h->fields.at[i].series;
            if (at[i] < s->points.n && s->points.at[at[i]].time_ns < time_ns) {
                time_ns = s->points.at[at[i]].time_ns;
                span_ns = s->points.at[at[i]].span_ns;
            }
        }
        if (time_ns == UINT64_MAX)
            return;
        fprintf(r->out, "%d,%.3f,%.3f", (int)h->process->id.pid,
                (double)store_wall_ns(rec->store, time_ns) / (double)SECOND_NS,
                (double)span_ns / (double)SECOND_NS);
        for (size_t i = 0; i < h->fields.n; i++) {
            const struct store_series *s = &h->fields.at[i].series;
            const struct store_point *p = at[i] < s->points.n ? &s->points.at[at[i]] : NULL;
            if (p && p->time_ns == time_ns) {
                fprintf(r->out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, p->min, p->mean, p->max);
                at[i]++;
            } else {
                fputs(",,,", r->out);
            }
        }
        fputc('\n', r->out);
    }
}

static void print_csv_heading(struct run *r, const struct history *h) {
    fputs("pid,time,seconds", r->out);
    for (size_t i = 0; i < h->fields.n; i++) {
        const char *name = sample_field_info(h->fields.at[i].field)->name;
        fprintf(r->out, ",%s_min,%s,%s_max", name, name, name);
    }
    fputc('\n', r->out);
}

/* --- JSON --- */

static void put_wall(json_t *o, const char *key, const struct recording *rec, uint64_t time_ns) {
    json_object_set_new(o, key, json_integer((json_int_t)store_wall_ns(rec->store, time_ns)));
}

static json_t *field_json(const struct recording *rec, const struct history *h,
                          const struct history_field *f, bool with_points) {
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I}", "owner", sample_field_info(f->field)->name,
                          "min", (json_int_t)f->min, "median", (json_int_t)f->median, "max",
                          (json_int_t)f->max, "now", (json_int_t)f->now);
    if (f->judged)
        json_object_set_new(o, "series",
                            report_trend_json(&f->row, store_wall_ns(rec->store, h->to_ns)));
    json_t *points = json_array();
    for (size_t i = 0; with_points && i < f->series.points.n; i++) {
        const struct store_point *p = &f->series.points.at[i];
        json_array_append_new(points, json_pack("[I, I, I, I, I]",
                                                (json_int_t)store_wall_ns(rec->store, p->time_ns),
                                                (json_int_t)p->span_ns, (json_int_t)p->min,
                                                (json_int_t)p->mean, (json_int_t)p->max));
    }
    if (with_points)
        json_object_set(o, "points", points);
    json_decref(points);
    return o;
}

static json_t *process_json(struct run *r, const struct recording *rec, const struct history *h) {
    const struct store_process *p = h->process;
    json_t *o = json_pack("{s:i, s:o, s:s}", "pid", (int)p->id.pid, "name", text_json(p->name),
                          "end", end_word(p->end));
    json_t *fields = json_array();
    if (p->command)
        json_object_set_new(o, "command", text_json(p->command));
    if (p->version[0])
        json_object_set_new(o, "node_version", text_json(p->version));
    if (p->end == STORE_END_EXIT || p->end == STORE_END_SIGNAL)
        json_object_set_new(o, "status", json_integer(p->status));
    put_wall(o, "from_ns", rec, h->from_ns);
    put_wall(o, "to_ns", rec, h->to_ns);
    for (size_t i = 0; i < h->fields.n; i++)
        json_array_append_new(fields, field_json(rec, h, &h->fields.at[i],
                                                 opt_string(r->opts, "owner", NULL) != NULL));
    json_object_set_new(o, "owners", fields);
    if (h->has_cpu)
        json_object_set_new(o, "cpu_percent", json_real(100 * h->cpu_part));
    if (h->has_major)
        json_object_set_new(o, "gc_major", json_integer((json_int_t)h->gcs_major));
    if (h->has_minor)
        json_object_set_new(o, "gc_minor", json_integer((json_int_t)h->gcs_minor));
    if (h->gc_pause_ns) {
        json_object_set_new(o, "gc_pause_ns", json_integer((json_int_t)h->gc_pause_ns));
        json_object_set_new(o, "gc_longest_ns", json_integer((json_int_t)h->gc_longest_ns));
    }
    if (h->damaged)
        json_object_set_new(o, "damaged", json_integer((json_int_t)h->damaged));
    return o;
}

static void put_gaps(json_t *doc, const struct recording *rec) {
    json_t *gaps = json_array();
    for (size_t i = 0; i < rec->gaps.list.n; i++) {
        const struct store_gap *g = &rec->gaps.list.at[i];
        if (!gap_is_asked(rec, g))
            continue;
        json_t *o = json_pack("{s:s}", "why", store_gap_text(g->why));
        put_wall(o, "from_ns", rec, g->from_ns);
        put_wall(o, "to_ns", rec, g->to_ns);
        json_array_append_new(gaps, o);
    }
    json_object_set_new(doc, "gaps", gaps);
}

/* --- the command --- */

static int show(struct run *r, struct recording *rec, const struct history *h, json_t *processes,
                size_t shown) {
    bool csv = opt_flag(r->opts, "csv");
    if (r->json) {
        json_array_append_new(processes, process_json(r, rec, h));
    } else if (csv) {
        if (!shown)
            print_csv_heading(r, h);
        print_csv(r, rec, h);
    } else {
        print_process(r, rec, h);
    }
    return 0;
}

static int show_all(struct run *r, struct recording *rec, uint64_t fields, json_t *processes) {
    bool any_grows = false, any_damaged = false;
    size_t shown = 0;
    for (size_t i = 0; i < rec->processes.list.n; i++) {
        const struct store_process *p = &rec->processes.list.at[i];
        struct history h;
        if (!is_asked(r, rec, p))
            continue;
        int rc = history_read(rec->store, p, fields, rec->from_ns, rec->to_ns, &h, &r->err);
        if (rc == 0)
            rc = show(r, rec, &h, processes, shown++);
        if (rc < 0)
            return rc;
        any_grows |= grows(&h);
        any_damaged |= h.damaged > 0;
        history_done(&h);
    }
    if (!shown)
        return err_set(&r->err, -ENODATA, "`memwhy history FILE` without --process shows all.",
                       "the recording has no such process in that time");
    return any_damaged ? 4 : any_grows;
}

static int run_history(struct run *r) {
    const char *const *args;
    struct recording rec;
    uint64_t fields = 0;
    opt_args(r->opts, &args);
    int rc = asked_fields(r, &fields);
    if (rc < 0)
        return rc;
    rc = open_recording(r, args[0], &rec);
    json_t *processes = json_array();
    if (rc == 0)
        rc = show_all(r, &rec, fields, processes);
    if (rc >= 0 && r->json) {
        json_object_set(r->doc, "processes", processes);
        put_gaps(r->doc, &rec);
    } else if (rc >= 0 && !opt_flag(r->opts, "csv")) {
        print_gaps(r, &rec);
    }
    json_decref(processes);
    close_recording(&rec);
    return rc;
}

static const struct opt opts[] = {
    {"process", 'p', OPT_U64, "PID", "only this one"},
    {"from", 0, OPT_STRING, "TIME", "14:05, 2026-11-22T14:05:30, or -2h: before the end"},
    {"to", 0, OPT_STRING, "TIME", "likewise"},
    {"owner", 0, OPT_STRING, "FIELD", "only this field; may be given several times"},
    {"csv", 0, OPT_FLAG, NULL, "every point: least, mean and most"},
    {0}};

const struct command cmd_history = {
    .name = "history",
    .args = "FILE",
    .group = GROUP_OVER_TIME,
    .summary = "what a recording says: how much, since when, and what grows",
    .help =
        "Shows each process of a recording that `memwhy record` made: the least, the median, the\n"
        "most and the last of each owner of memory, its course as a line, and a verdict on it.\n"
        "The file may be written to meanwhile.\n"
        "\n"
        "  $ memwhy history app.db\n"
        "  pid 4711, node 24.21.0: node server.js\n"
        "  2026-11-22 10:00:00 to 2026-11-22 14:00:00; there until the last round.\n"
        "\n"
        "  OWNER                       MIN     MEDIAN        MAX        NOW\n"
        "  RSS                   101.2 MiB  143.5 MiB  160.0 MiB  158.7 MiB  ▁▂▃▃▄▄▅▆▆▇█\n"
        "  heap used              40.1 MiB   71.8 MiB   98.3 MiB   90.2 MiB  ▂▁▃▂▄▃▆▄▇▅█\n"
        "  ...\n"
        "  heap used            growing 9.8 MiB/h (95 %: 9.1 MiB/h to 10.4 MiB/h), reaches ...\n"
        "\n"
        "A verdict is on the floor under the saw: what full collections left, where they were\n"
        "counted. `growing` means that the interval of the slope excludes zero, over at least six\n"
        "floors, that it goes on and does not slow down; `not decided` says how long would tell.\n"
        "RSS and malloc's memory have free memory in them that nothing tells apart, and are not\n"
        "said to grow within ten minutes. `memwhy explain PID --for 60s` tells in a minute: it\n"
        "looks at what lives.\n"
        "\n"
        "  $ memwhy history app.db --process 4711 --from=-2h --owner heap_used --csv\n"
        "\n"
        "Fields are those of the recording: rss, rss_anon, heap_used, heap_total, external,\n"
        "array_buffers, workers, malloc_arenas, malloc_mapped, threads, fds, cgroup_current, ...\n"
        "(--json names those that are judged).\n"
        "\n"
        "Exit codes: 0 nothing grows, 1 something does, 4 parts of the file are damaged.\n",
    .opts = opts,
    .run = run_history,
};
