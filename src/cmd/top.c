/* memwhy top: all Node processes, again and again. */
#include "base/clock.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/interrupted.h"
#include "cmd/look.h"
#include "cmd/top_screen.h"
#include "cmd/top_watch.h"
#include "report/top_json.h"
#include "report/top_lines.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define SHORTEST_NS (SECOND_NS / 50) /* more often is not to be had at next to no cost */

static const struct opt opts[] = {
    {"cgroup", 'g', OPT_STRING, "PATH", "only processes in this memory cgroup, or below it"},
    {"container", 'c', OPT_U64, "PID", "only processes of this process's container or cgroup"},
    {"every", 'd', OPT_DURATION, "TIME", "from round to round (1s)"},
    {"filter", 'F', OPT_STRING, "WORDS", "only with this in their command line, version or cgroup"},
    {"once", '1', OPT_FLAG, NULL, "print one round; the same as --rounds=1"},
    {"rounds", 'n', OPT_U64, "N", "print N rounds and end (0: until interrupted)"},
    {"sort", 's', OPT_STRING, "KEY", "by rss (as without it), cpu_percent, heap_used, pid, ..."},
    {"tree", 't', OPT_FLAG, NULL, "by cgroup, and children below their parents"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

static int parse_order(struct run *r, struct top_order *ret) {
    const char *key = opt_string(r->opts, "sort", "rss");
    int column = top_column_find(key);
    if (column < 0)
        return err_set(&r->err, -EINVAL,
                       "Some are rss, heap_used, heap_room_percent, gc_per_second, "
                       "slope_bytes_per_minute, cpu_percent, cpu_ns, pid, command.",
                       "--sort %s is unknown.", key);
    *ret = (struct top_order){
        .sort = (enum top_column)column,
        .tree = opt_flag(r->opts, "tree"),
        .filter = opt_string(r->opts, "filter", NULL),
    };
    return 0;
}

static int parse_pids(struct run *r, pid_t **ret, size_t *ret_n) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args);
    pid_t *pids = mem_zalloc((n + 1) * sizeof *pids);
    for (size_t i = 0; i < n; i++) {
        char *end;
        unsigned long v = strtoul(args[i], &end, 10);
        if (args[i][0] < '1' || args[i][0] > '9' || *end || v > INT32_MAX) {
            free(pids);
            return err_set(&r->err, -EINVAL, "memwhy top alone shows all Node processes.",
                           "%s is not a process id.", args[i]);
        }
        pids[i] = (pid_t)v;
    }
    *ret = pids;
    *ret_n = n;
    return 0;
}

/* --- printed rounds --- */

static void print_line(FILE *out, struct top_line *l) {
    size_t blanks = 0; /* nothing trails a line */
    for (size_t i = 0; i < l->n; i++)
        for (const char *s = l->at[i].text; *s; s++) {
            if (*s == ' ') {
                blanks++;
                continue;
            }
            fprintf(out, "%*s%c", (int)blanks, "", *s);
            blanks = 0;
        }
    fputc('\n', out);
    top_line_clear(l);
}

static void print_text(struct run *r, const struct top_watch *w, const struct top_order *order) {
    size_t n;
    const struct top_process *all = top_watch_processes(w, &n);
    struct top_rows rows = {0};
    struct top_layout layout;
    struct top_line line = {0};
    struct top_totals t;
    struct top_style style = {.unicode = r->unicode};
    top_watch_totals(w, &t);
    top_rows_make(all, n, order, &rows);
    if (!rows.n) {
        fputs(t.running ? "No process matches the filter.\n"
                        : "There is no Node.js process here that can be seen.\n",
              r->out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct top_parts parts;
        if (top_parts_of(&all[i].now, &parts) && top_parts_sum(&parts) > style.whole)
            style.whole = top_parts_sum(&parts);
    }
    top_layout_fit(r->width, top_columns_known(&rows), &layout);
    top_line_legend(&t.parts, r->width, &line);
    print_line(r->out, &line);
    top_line_titles(&layout, order, &line);
    print_line(r->out, &line);
    for (size_t i = 0; i < rows.n; i++) {
        top_line_row(&layout, &rows.at[i], &style, &line);
        print_line(r->out, &line);
    }
    top_line_done(&line);
    vec_free(&rows);
}

static void fill_document(json_t *doc, const struct top_watch *w, const struct top_order *order,
                          uint64_t every_ns) {
    size_t n;
    const struct top_process *all = top_watch_processes(w, &n);
    struct top_rows rows = {0};
    struct top_totals t;
    json_t *processes = json_array();
    top_watch_totals(w, &t);
    top_rows_make(all, n, order, &rows);
    for (size_t i = 0; i < rows.n; i++)
        if (rows.at[i].process)
            json_array_append_new(processes, top_process_json(rows.at[i].process));
    json_object_set_new(doc, "time_ns", json_integer((json_int_t)t.time_ns));
    json_object_set_new(doc, "every_ns", json_integer((json_int_t)every_ns));
    json_object_set_new(doc, "own_cpu_percent", json_real(t.own_cpu_percent));
    json_object_set_new(doc, "processes", processes);
    vec_free(&rows);
}

/* One document alone is the dispatcher's to print; several are lines. */
static void print_round(struct run *r, const struct top_watch *w, const struct top_order *order,
                        uint64_t every_ns, bool alone) {
    if (!r->json) {
        print_text(r, w, order);
        if (!alone)
            fputc('\n', r->out);
    } else if (alone) {
        fill_document(r->doc, w, order, every_ns);
    } else {
        json_t *doc = json_deep_copy(r->doc);
        fill_document(doc, w, order, every_ns);
        json_dumpf(doc, r->out, JSON_COMPACT | JSON_REAL_PRECISION(12));
        fputc('\n', r->out);
        json_decref(doc);
    }
    fflush(r->out);
}

static void wait_until(uint64_t until_ns, const atomic_bool *interrupted) {
    for (uint64_t now; (now = clock_ns()) < until_ns && !atomic_load(interrupted);) {
        uint64_t left = until_ns - now;
        nanosleep(&(struct timespec){(time_t)(left / SECOND_NS), (long)(left % SECOND_NS)}, NULL);
    }
}

/* Rounds that are printed have one before them, as rates take two. */
static int print_rounds(struct run *r, struct top_watch *w, const struct top_order *order,
                        uint64_t every_ns, uint64_t rounds) {
    const atomic_bool *interrupted = interrupted_by_signals(0);
    int rc = top_watch_round(w, &r->err);
    for (uint64_t i = 0; rc == 0 && (i < rounds || !rounds); i++) {
        wait_until(clock_ns() + every_ns, interrupted);
        if (atomic_load(interrupted) || ferror(r->out))
            break;
        rc = top_watch_round(w, &r->err);
        if (rc == 0)
            print_round(r, w, order, every_ns, rounds == 1);
    }
    return rc;
}

static int watch(struct run *r, const struct sampler_query *q, const struct top_order *order) {
    uint64_t every_ns = opt_u64(r->opts, "every", SECOND_NS);
    const uint64_t none = UINT64_MAX;
    uint64_t rounds = opt_u64(r->opts, "rounds", none);
    struct top_watch *w;
    if (every_ns < SHORTEST_NS)
        return err_set(&r->err, -EINVAL, "memwhy record keeps what happens between two rounds.",
                       "--every can be 20ms at least.");
    bool draws = r->out == stdout && term_is_tty(stdout) && term_is_tty(stdin) && !r->json;
    if (opt_flag(r->opts, "once") || (rounds == none && !draws))
        rounds = 1;
    int rc = top_watch_new(q, &w, &r->err);
    if (rc < 0)
        return rc;
    rc = rounds == none ? top_screen_run(r, w, order, every_ns)
                        : print_rounds(r, w, order, every_ns, rounds);
    top_watch_free(w);
    return rc;
}

static int run(struct run *r) {
    cleanup_free pid_t *pids = NULL;
    struct top_order order;
    struct sampler_query q = {.root = "", .cgroup = opt_string(r->opts, "cgroup", NULL)};
    uint64_t container = opt_u64(r->opts, "container", 0);
    int rc = parse_order(r, &order);
    if (rc == 0)
        rc = parse_pids(r, &pids, &q.n_pids);
    if (rc < 0)
        return rc;
    if (container > INT32_MAX)
        return err_set(&r->err, -EINVAL, "", "%" PRIu64 " is not a process id.", container);
    q.pids = pids;
    q.container = (pid_t)container;
    return watch(r, &q, &order);
}

const struct command cmd_top = {
    .name = "top",
    .args = "[PID...]",
    .group = GROUP_OVER_TIME,
    .summary = "all Node processes, what owns their memory, and how that changes",
    .help =
        "Shows every Node.js process of this host, or the processes given, once a second: RSS and\n"
        "who owns it as a bar, V8's heap with what is left of its limit, collections a second,\n"
        "processor time, and by how much RSS rises a minute. Nobody is stopped and no page table\n"
        "is walked: all of it are counters that the kernel, V8 and malloc keep anyhow.\n"
        "\n"
        "  $ memwhy top                        keys as in htop; h explains them\n"
        "  $ memwhy top --container 4711 -t    one pod: its cgroups, parents and children\n"
        "  $ memwhy top --once | head          the largest, as a table\n"
        "  $ memwhy top --json -n 60           a minute of it, one document on each line\n"
        "\n"
        "A bar is drawn of letters: V of V8's heap that is used, v of it that is free, B Buffers\n"
        "and other external memory, M malloc without those, o other anonymous memory and what\n"
        "cannot be told apart, F files and shared memory. They add up to RSS; an estimate, as how\n"
        "much of each is resident is not asked of the kernel each second. Enter opens the account\n"
        "of a process, as memwhy explain makes it: every byte, after a hold of milliseconds. '?'\n"
        "is not known. ROOM% is what is left of the heap's limit. RSS/MIN is the slope of the "
        "last\n"
        "300 rounds, once there are 60; 'steady' is one that chance may have made. A process that\n"
        "has ended is shown as gone for one round more.\n"
        "\n"
        "Where standard output or input is no terminal, it prints one round, a second after it "
        "has\n"
        "begun, as rates take two looks. --sort takes the names that --json has.\n",
    .opts = opts,
    .run = run,
};
