/* memwhy oom: a crash log explained. */
#include "base/fmt.h"
#include "base/progress.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "crashlog/verdict.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* --- as JSON: what is unknown is absent --- */

static void put_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void put_text(json_t *o, const char *key, const char *s) {
    if (s && *s)
        json_object_set_new(o, key, text_json(s));
}

static void put_mib(json_t *o, const char *key, double v) {
    if (v > 0 && v < 1e12)
        put_u64(o, key, (uint64_t)(v * 1048576));
}

static void put_ms(json_t *o, const char *key, double v) {
    if (v >= 0 && v < 9e12)
        put_u64(o, key, (uint64_t)(v * 1e6));
}

/* By the names of CAUSES, where one fits. */
static json_t *facts_json(const struct verdict *v) {
    json_t *o = json_object();
    static const char *const from[] = {NULL, "flag", "report", "guessed"};
    if (v->has_live)
        put_mib(o, "heap_live", v->live_mib);
    put_mib(o, "heap_total", v->total_mib);
    if (v->limit_from) {
        put_mib(o, v->limit_most_mib > 0 ? "heap_limit_min" : "heap_limit", v->limit_mib);
        put_mib(o, "heap_limit_max", v->limit_most_mib);
        put_text(o, "heap_limit_from", from[v->limit_from]);
        if (v->limit_line)
            put_u64(o, "heap_limit_line", v->limit_line);
    }
    if (v->has_trend)
        json_object_set_new(o, "growth", json_real(v->trend.mib_per_min * 1048576 / 60));
    if (v->kill && v->kill->has_rss)
        put_u64(o, "rss", v->kill->anon + v->kill->file + v->kill->shmem);
    if (v->kill && v->kill->has_limit)
        put_u64(o, "cgroup_limit", v->kill->limit);
    if (v->kill && v->kill->has_usage)
        put_u64(o, "cgroup_usage", v->kill->usage);
    if (v->kill && v->kill->has_cg_stats) {
        put_u64(o, "cgroup_cache_bytes", kernel_kill_page_cache(v->kill));
        put_u64(o, "shm_bytes", v->kill->cg_shmem);
    }
    if (v->kill && v->kill->tasks && v->kill->largest.pid != v->kill->pid)
        put_u64(o, "other_process_rss", v->kill->largest.rss_bytes);
    if (v->in_worker)
        put_text(o, "in_isolate", "worker");
    if (v->death && v->death->doing.kind)
        put_text(o, "doing", v->death->doing.kind);
    return o;
}

static json_t *series_json(const struct crash_process *p) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->live.n; i++) {
        json_t *point = json_object();
        put_ms(point, "at_ns", p->live.at[i].ms);
        put_mib(point, "heap_live", p->live.at[i].mib);
        json_array_append_new(list, point);
    }
    return list;
}

static json_t *collections_json(const struct verdict *v) {
    const struct crash_process *p = v->process;
    json_t *o = json_object();
    const struct gc_line *last = &crash_recent(p, crash_recent_count(p) - 1)->gc;
    put_u64(o, "full", p->full);
    put_u64(o, "young", p->young);
    put_u64(o, "first_line", p->first_line);
    put_u64(o, "last_line", p->last_line);
    put_ms(o, "first_at_ns", p->first_ms);
    put_ms(o, "last_at_ns", p->last_ms);
    if (v->has_share)
        json_object_set_new(o, "gc_share", json_real(v->gc_share));
    if (v->has_recent_share)
        json_object_set_new(o, "recent_gc_share", json_real(v->recent_gc_share));
    if (last->has_mu) {
        json_object_set_new(o, "current_mu", json_real(last->current_mu));
        json_object_set_new(o, "average_mu", json_real(last->average_mu));
    }
    if (v->has_above)
        put_ms(o, "near_death_for_ns", p->last_ms - v->above_since_ms);
    if (v->has_trend && v->limit_from && v->trend.mib_per_min > 0 && v->how == HOW_ALIVE)
        put_ms(o, "time_to_limit_ns", (v->limit_mib - v->live_mib) / v->trend.mib_per_min * 60000);
    json_object_set_new(o, "series", series_json(p));
    return o;
}

static json_t *process_json(const struct verdict *v, const struct crashlog *c) {
    json_t *o = json_object();
    put_text(o, "name", v->who);
    if (v->death && (size_t)v->death->stream < c->streams.n)
        put_text(o, "label", c->streams.at[v->death->stream].label);
    else if (v->process && (size_t)v->process->stream < c->streams.n)
        put_text(o, "label", c->streams.at[v->process->stream].label);
    uint64_t pid = v->kill      ? v->kill->pid
                   : v->process ? v->process->pid
                   : c->report  ? c->report->pid
                                : 0;
    if (pid)
        put_u64(o, "pid", pid);
    if (v->process && v->process->isolate) {
        char addr[32];
        snprintf(addr, sizeof addr, "0x%llx", (unsigned long long)v->process->isolate);
        put_text(o, "isolate", addr);
    }
    put_text(o, "node_version", v->node_version);
    return o;
}

static json_t *verdict_json(const struct verdict *v, const struct crashlog *c) {
    json_t *o = json_object(), *list;
    put_text(o, "how", verdict_how_name(v->how));
    put_text(o, "cause", v->cause);
    put_text(o, "also", v->also);
    put_text(o, "confidence", v->confidence);
    put_text(o, "sentence", v->sentence);
    json_object_set_new(o, "process", process_json(v, c));
    if (v->line)
        put_u64(o, "line", v->line);
    if (v->death) {
        put_text(o, "message", v->death->message);
        put_text(o, "js_frame", v->death->js_frame);
    }
    json_object_set_new(o, "facts", facts_json(v));
    if (v->process && v->process->recents)
        json_object_set_new(o, "collections", collections_json(v));
    json_object_set_new(o, "evidence", list = json_array());
    for (size_t i = 0; i < v->cites.n; i++) {
        json_t *cite = json_object();
        put_text(cite, "text", v->cites.at[i].text);
        if (v->cites.at[i].line)
            put_u64(cite, "line", v->cites.at[i].line);
        json_array_append_new(list, cite);
    }
    json_object_set_new(o, "remedies", list = json_array());
    for (size_t i = 0; i < v->advices.n; i++) {
        json_t *advice = json_object();
        put_text(advice, "class", v->advices.at[i].class);
        put_text(advice, "text", v->advices.at[i].text);
        put_text(advice, "command", v->advices.at[i].command);
        json_array_append_new(list, advice);
    }
    json_object_set_new(o, "unknown", list = json_array());
    for (size_t i = 0; i < v->unknown.n; i++)
        json_array_append_new(list, text_json(v->unknown.at[i]));
    return o;
}

/* --- as text --- */

/* Every text may hold what a log held. */
static void print_text(struct run *r, const char *before, const char *s) {
    cleanup_free char *text = text_printable(s);
    fprintf(r->out, "%s%s\n", before, text);
}

static void print_cite(struct run *r, const struct verdict_cite *c) {
    char number[FMT_MAX] = "";
    if (c->line)
        snprintf(number, sizeof number, "line %llu", (unsigned long long)c->line);
    cleanup_free char *text = text_printable(c->text);
    fprintf(r->out, "  %-13s %s\n", number, text);
}

enum { G_LINE, G_AT, G_KIND, G_BEFORE, G_AFTER, G_TOTAL, G_PAUSE, G_MU, G_COLUMNS };
static const struct column gc_columns[G_COLUMNS] = {
    [G_LINE] = {"line", "LINE", COL_COUNT},       [G_AT] = {"at", "AT", COL_DURATION},
    [G_KIND] = {"kind", "COLLECTION", COL_TEXT},  [G_BEFORE] = {"before", "BEFORE", COL_BYTES},
    [G_AFTER] = {"after", "AFTER", COL_BYTES},    [G_TOTAL] = {"total", "OF", COL_BYTES},
    [G_PAUSE] = {"pause", "PAUSE", COL_DURATION}, [G_MU] = {"mu", "PROGRAM'S", COL_PERCENT},
};

static uint64_t bytes_of(double mib) {
    return (uint64_t)(mib < 1e12 ? mib * 1048576 : 0);
}

static void print_collections(struct run *r, const struct crash_process *p) {
    struct table *t = table_new(gc_columns, G_COLUMNS);
    for (size_t i = 0; i < crash_recent_count(p); i++) {
        const struct crash_gc *c = crash_recent(p, i);
        table_row(t);
        table_u64(t, G_LINE, c->line);
        table_u64(t, G_AT, (uint64_t)(c->gc.ms < 9e12 ? c->gc.ms * 1e6 : 0));
        table_text(t, G_KIND,
                   !c->gc.full         ? "young"
                   : c->gc.last_resort ? "full, last resort"
                   : c->gc.reduce      ? "full, reducing"
                                       : "full");
        table_u64(t, G_BEFORE, bytes_of(c->gc.before));
        if (c->gc.has_after)
            table_u64(t, G_AFTER, bytes_of(c->gc.after));
        if (c->gc.has_after_total)
            table_u64(t, G_TOTAL, bytes_of(c->gc.after_total));
        if (c->gc.has_pause)
            table_u64(t, G_PAUSE, (uint64_t)(c->gc.pause_ms < 9e12 ? c->gc.pause_ms * 1e6 : 0));
        if (c->gc.has_mu)
            table_real(t, G_MU, c->gc.current_mu * 100);
    }
    fputc('\n', r->out);
    table_print(t, r->out, r->width);
    table_free(t);
}

static void print_verdict(struct run *r, const struct verdict *v, bool title) {
    if (title)
        print_text(r, "", v->sentence);
    if (v->cause)
        fprintf(r->out, "  [%s%s%s, %s]\n", v->cause, v->also ? " and " : "",
                v->also ? v->also : "", v->confidence);
    fputc('\n', r->out);
    for (size_t i = 0; i < v->cites.n; i++)
        print_cite(r, &v->cites.at[i]);
    if (v->process && v->process->recents)
        print_collections(r, v->process);
    if (v->advices.n)
        fputs("\nWhat to do\n", r->out);
    for (size_t i = 0; i < v->advices.n; i++) {
        print_text(r, "  - ", v->advices.at[i].text);
        if (v->advices.at[i].command)
            fprintf(r->out, "      $ %s\n", v->advices.at[i].command);
    }
    if (v->unknown.n)
        fputs("\nNot known\n", r->out);
    for (size_t i = 0; i < v->unknown.n; i++)
        print_text(r, "  - ", v->unknown.at[i]);
}

/* "3 deaths: 2 of the heap limit (heap-limit), 1 ..." */
static char *sum_up(const struct crashlog *c, const struct verdicts *all) {
    char text[512];
    size_t n = (size_t)snprintf(text, sizeof text, all->died ? "%zu deaths:" : "%zu processes:",
                                all->list.n + (all->died ? (size_t)c->more_deaths : 0));
    for (int how = 0; how <= HOW_ALIVE; how++) {
        size_t count = 0;
        for (size_t i = 0; i < all->list.n; i++)
            count += (int)all->list.at[i].how == how;
        if (count && n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, " %zu %s,", count,
                                  verdict_how_name(how));
    }
    n = strlen(text);
    text[n - 1] = '.';
    return mem_strdup(text);
}

static void print_all(struct run *r, const struct crashlog *c, const struct verdicts *all,
                      size_t most) {
    char lines[FMT_MAX];
    if (all->list.n > 1) {
        cleanup_free char *sum = sum_up(c, all);
        fprintf(r->out, "%s\n\n", sum);
    }
    for (size_t i = 0; i < all->list.n; i++) {
        if (i < most) {
            print_verdict(r, &all->list.at[i], true);
            if (i + 1 < all->list.n)
                fputc('\n', r->out);
        } else {
            print_text(r, "", all->list.at[i].sentence);
        }
    }
    if (c->lines)
        fprintf(r->out, "\n%s lines read.\n", fmt_count(lines, c->lines));
}

/* --- the command --- */

static int nothing(struct run *r, const struct crashlog *c) {
    char lines[FMT_MAX];
    return err_set(&r->err, -EBADMSG,
                   "It reads what Node and V8 write on standard error as they die, --trace-gc, "
                   "diagnostic reports, and the kernel's log.",
                   c->bytes
                       ? "nothing recognised: in %s lines no process died for memory, and none "
                         "collected"
                       : "nothing recognised: the log is empty%.0s",
                   fmt_count(lines, c->lines));
}

static int open_log(struct run *r, const char *path) {
    cleanup_free char *shown = text_printable(path);
    int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    if (fd < 0)
        return err_set(&r->err, -errno == -EMFILE ? -EIO : -errno, "", "%s cannot be opened: %s",
                       shown, strerror(errno));
    return fd;
}

static json_t *target_json(const char *path, const struct crashlog *c) {
    json_t *target = json_object();
    put_text(target, "kind", c->report ? "report" : "log");
    put_text(target, "file", path);
    put_u64(target, "bytes", c->bytes);
    put_u64(target, "lines", c->lines);
    return target;
}

static json_t *coverage_json(const struct crashlog *c) {
    json_t *notes = json_array();
    bool complete = !c->cut_lines && !c->forgotten && !c->more_deaths && !c->mixed_labels;
    if (c->cut_lines)
        json_array_append_new(notes,
                              json_sprintf("%llu lines are longer than 64 KiB: the rest of them "
                                           "was not read",
                                           (unsigned long long)c->cut_lines));
    if (c->forgotten)
        json_array_append_new(notes, json_sprintf("%llu processes that did not die were forgotten",
                                                  (unsigned long long)c->forgotten));
    if (c->more_deaths)
        json_array_append_new(notes, json_sprintf("%llu more deaths are only counted",
                                                  (unsigned long long)c->more_deaths));
    if (c->mixed_labels)
        json_array_append_new(notes, json_string("more than 1,024 labels: the rest is one"));
    return json_pack("{s:b, s:o}", "complete", complete, "notes", notes);
}

static void show(struct run *r, const char *path, const struct crashlog *c,
                 const struct verdicts *all) {
    enum { MOST = 8 };
    json_t *coverage = coverage_json(c);
    if (!r->json) {
        size_t i;
        json_t *note;
        print_all(r, c, all, (size_t)opt_u64(r->opts, "top", MOST));
        json_array_foreach(json_object_get(coverage, "notes"), i, note)
            fprintf(r->out, "note: %s\n", json_string_value(note));
        json_decref(coverage);
        return;
    }
    json_t *deaths = json_array(), *alive = json_array();
    for (size_t i = 0; i < all->list.n; i++)
        json_array_append_new(all->list.at[i].how == HOW_ALIVE ? alive : deaths,
                              verdict_json(&all->list.at[i], c));
    cleanup_free char *sum =
        all->list.n == 1 ? mem_strdup(all->list.at[0].sentence) : sum_up(c, all);
    json_object_set_new(r->doc, "target", target_json(path, c));
    json_object_set_new(r->doc, "coverage", coverage);
    put_text(r->doc, "verdict", sum);
    json_object_set_new(r->doc, "deaths", deaths);
    json_object_set_new(r->doc, "alive", alive);
}

static int run_oom(struct run *r) {
    const char *const *args;
    struct crashlog log;
    struct verdicts all;
    struct progress p = progress_start(r->progress);
    opt_args(r->opts, &args);
    int fd = open_log(r, args[0]);
    if (fd < 0)
        return fd;
    int rc = crashlog_read(fd, &p, &log, &r->err);
    progress_done(&p);
    if (rc < 0)
        return rc;
    verdicts_make(&log, &all);
    if (all.list.n) {
        show(r, args[0], &log, &all);
        rc = all.died ? 1 : 0;
    } else {
        rc = nothing(r, &log);
    }
    verdicts_done(&all);
    crashlog_done(&log);
    return rc;
}

static const struct opt opts[] = {
    {"top", 'n', OPT_U64, "N", "explain so many in full (8); of the others the sentence alone"},
    {0}};

const struct command cmd_oom = {
    .name = "oom",
    .args = "FILE",
    .group = GROUP_EVIDENCE,
    .summary = "a crash log explained: what died of what, and what to do",
    .help =
        "Reads what a process left behind: V8's \"FATAL ERROR\" with its last collections and\n"
        "stacks (Node 8 to 26), --trace-gc output, the exceptions of too large strings, arrays\n"
        "and Buffers, ends of workers, diagnostic reports (JSON), the kernel's oom-kill lines\n"
        "from dmesg or the journal, and exit codes. FILE may be - for standard input, packed with\n"
        "gzip or zstd, and of any size. Prefixes of docker-compose, kubectl, journald, syslog,\n"
        "pm2 and timestamps are taken off; processes in one log are told apart by them, by pid\n"
        "and by isolate.\n"
        "\n"
        "  $ memwhy oom app.log\n"
        "  $ docker compose logs | memwhy oom -\n"
        "  $ journalctl -k -o short-iso | memwhy oom -\n"
        "\n"
        "The first sentence answers. Behind it in brackets is the cause, if the log shows one;\n"
        "then the lines that say so, with their numbers, and the last collections: PROGRAM'S is\n"
        "the share of the time V8 left to the program. A log has sizes, no objects: what fills a\n"
        "heap is what `memwhy suspects` shows, of the process or of its core. Limits are those of\n"
        "the old generation, which counts; one that no line tells is worked out and said to be\n"
        "\"about\". Exit codes: 1 something died, 0 nothing died but there are collections, 3\n"
        "nothing was recognised, or the file cannot be read.\n",
    .opts = opts,
    .run = run_oom,
};
