/* memwhy record: what processes use, round after round, into a file. */
#include "base/fmt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/interrupted.h"
#include "cmd/record_loop.h"
#include "collect/collect.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define SHORTEST_NS (SECOND_NS / 10) /* more often is not to be had at next to no cost */

#define SHORTEST_DEEP_NS (10 * SECOND_NS) /* each costs the process some milliseconds */

enum { EXIT_PARTIAL = 4 };
#define MAX_BYTES (512ull << 20) /* a month of 60 processes has 360 MB */
#define LEAST_BYTES (1ull << 20) /* below it, there is room for the tables and little more */

/* What the command line asks for. */
struct request {
    VEC(pid_t) pids;
    const char *const *command; /* NULL: none */
    struct sampler_query query;
    struct writer_how how;
    uint64_t for_ns, deep_ns;
    char *what;
};

static void request_done(struct request *q) {
    vec_free(&q->pids);
    free(q->what);
}

static int read_targets(struct run *r, struct request *q) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args), n_targets = opt_args_before_dashes(r->opts);
    for (size_t i = 0; i < n_targets; i++) {
        pid_t pid;
        int rc = target_pid(args[i], &pid, &r->err);
        if (rc < 0)
            return rc;
        vec_push(&q->pids, pid);
    }
    q->command = n > n_targets ? args + n_targets : NULL;
    q->query = (struct sampler_query){.root = "",
                                      .pids = q->pids.at,
                                      .n_pids = q->pids.n,
                                      .cgroup = opt_string(r->opts, "cgroup", NULL)};
    unsigned ways = (n_targets > 0) + (q->command != NULL) + (q->query.cgroup != NULL) +
                    opt_flag(r->opts, "all-node");
    if (ways == 1)
        return 0;
    return err_set(&r->err, -EINVAL,
                   "Give process ids, or --all-node, or --cgroup PATH, or -- COMMAND.",
                   ways ? "It can record only one of these at a time"
                        : "It is not said what is to be recorded");
}

/* Its arguments, as they are kept in the recording. */
static char *words_of(const struct request *q, const struct run *r) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args), n_targets = opt_args_before_dashes(r->opts);
    char *words = q->query.cgroup             ? mem_printf("--cgroup %s", q->query.cgroup)
                  : !q->command && !n_targets ? mem_strdup("--all-node")
                                              : mem_strdup(q->command ? "--" : "");
    for (size_t i = 0; i < n; i++) {
        char *more = mem_printf("%s%s%s", words, *words ? " " : "", args[i]);
        free(words);
        words = more;
    }
    return words;
}

static int read_request(struct run *r, struct request *q) {
    int rc = read_targets(r, q);
    if (rc < 0)
        return rc;
    q->what = words_of(q, r);
    q->for_ns = opt_u64(r->opts, "for", 0);
    q->deep_ns = opt_u64(r->opts, "deep-every", 0);
    q->how = (struct writer_how){
        .path = opt_string(r->opts, "output", NULL),
        .what = q->what,
        .every_ns = opt_u64(r->opts, "every", SECOND_NS),
        .max_bytes = opt_u64(r->opts, "max-size", MAX_BYTES),
    };
    if (!q->how.path)
        return err_set(&r->err, -EINVAL, "Name it with -o FILE.db.",
                       "A recording needs a file to go to");
    if (q->how.every_ns < SHORTEST_NS)
        return err_set(&r->err, -EINVAL, "", "--every can be 100ms at least");
    if (q->deep_ns && q->deep_ns < SHORTEST_DEEP_NS)
        return err_set(&r->err, -EINVAL, "", "--deep-every can be 10s at least");
    if (q->how.max_bytes < LEAST_BYTES)
        return err_set(&r->err, -EINVAL, "", "--max-size can be 1M at least");
    return 0;
}

static int open_writer(struct request *q, struct writer **ret, struct err *e) {
    struct timespec wall, at;
    size_t n;
    cleanup_free char *boot = NULL;
    if (procfs_read_path("/proc/sys/kernel/random/boot_id", 64, &boot, &n) < 0)
        boot = mem_strdup("");
    boot[strcspn(boot, "\n")] = '\0';
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &at);
    q->how.boot = boot;
    q->how.time_ns = (uint64_t)wall.tv_sec * SECOND_NS + (uint64_t)wall.tv_nsec;
    q->how.at_ns = (uint64_t)at.tv_sec * SECOND_NS + (uint64_t)at.tv_nsec;
    return writer_open(&q->how, ret, e);
}

static const char *stop_word(enum record_stop stop) {
    static const char *const words[] = {
        [RECORD_STOP_NONE] = "failed",     [RECORD_STOP_INTERRUPTED] = "interrupted",
        [RECORD_STOP_TIME] = "time",       [RECORD_STOP_GONE] = "targets-gone",
        [RECORD_STOP_COMMAND] = "command",
    };
    return words[stop];
}

static void put_count(json_t *to, const char *name, uint64_t v) {
    json_object_set_new(to, name, json_integer((json_int_t)v));
}

static void report_json(struct run *r, const struct record_loop *l, const struct writer_state *s) {
    json_t *recording = json_object(), *cost = json_object();
    json_object_set_new(recording, "file", text_json(l->path));
    json_object_set_new(recording, "ended", json_string(stop_word(l->stop)));
    put_count(recording, "every_ns", l->every_ns);
    put_count(recording, "for_ns", l->ended_ns - l->began_ns);
    put_count(recording, "rounds", s->rounds);
    put_count(recording, "samples", s->samples);
    put_count(recording, "processes", s->processes);
    put_count(recording, "collections", s->gcs);
    put_count(recording, "deep_looks", l->deep.taken);
    put_count(recording, "deep_looks_failed", l->deep.failed);
    if (l->deep.why[0])
        json_object_set_new(recording, "deep_look_error", text_json(l->deep.why));
    if (l->gcs.events)
        put_count(recording, "lost_collections", record_gcs_lost(&l->gcs));
    if (l->gcs.why.code)
        json_object_set_new(recording, "no_collections", text_json(l->gcs.why.what));
    put_count(recording, "lost_rounds", s->lost);
    put_count(recording, "damaged_blocks", s->damaged);
    put_count(recording, "file_bytes", s->bytes);
    if (l->child.pid && l->child.ended)
        put_count(recording, "command_exit_code", (uint64_t)record_child_exit_code(&l->child));
    put_count(cost, "cpu_ns", l->cpu_ns);
    put_count(cost, "longest_round_ns", l->longest_ns);
    json_object_set_new(r->doc, "recording", recording);
    json_object_set_new(r->doc, "cost", cost);
}

static void report_text(FILE *out, const struct record_loop *l, const struct writer_state *s) {
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX], d[FMT_MAX];
    uint64_t took = l->ended_ns - l->began_ns;
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    cleanup_free char *path = text_printable(l->path);
    if (l->stop == RECORD_STOP_GONE)
        fputs("All that was to be recorded is gone.\n", out);
    fprintf(out, "Recorded %s %s for %s to %s: %s rounds, ", fmt_count(a, s->processes),
            s->processes == 1 ? "process" : "processes", fmt_duration(b, took), path,
            fmt_count(c, s->rounds));
    if (l->gcs.events)
        fprintf(out, "%s collections, ", fmt_count(a, s->gcs));
    fprintf(out, "%s.\n", fmt_bytes(d, s->bytes));
    if (l->deep.every_ns)
        fprintf(out, "%s deep looks, %s failed%s%s\n", fmt_count(a, l->deep.taken),
                fmt_count(b, l->deep.failed), l->deep.failed ? ": " : ".", l->deep.why);
    if (s->lost)
        fprintf(out, "%s rounds are missing: they could not be written.\n", fmt_count(a, s->lost));
    if (l->gcs.why.code)
        fprintf(out, "Collections are counted, and not kept one by one: %s\n", l->gcs.why.what);
    if (record_gcs_lost(&l->gcs))
        fprintf(out, "%s collections are missing: they came too fast, or were not understood.\n",
                fmt_count(a, record_gcs_lost(&l->gcs)));
    if (s->damaged)
        fprintf(out, "%s blocks of it were damaged, and could not be summed up.\n",
                fmt_count(a, s->damaged));
    fprintf(out, "memwhy used %s of CPU (%.2f %% of one), at most %s in a round, and %s.\n",
            fmt_duration(a, l->cpu_ns), took ? 100.0 * (double)l->cpu_ns / (double)took : 0.0,
            fmt_duration(b, l->longest_ns), fmt_bytes(c, (uint64_t)own.ru_maxrss * 1024));
}

/* Of what is shown to have been written. */
static int close_and_report(struct run *r, struct record_loop *l) {
    struct writer_state s;
    struct err e = {0};
    writer_state(l->writer, &s);
    size_t held = s.held;
    int rc = writer_close(l->writer, &e);
    l->writer = NULL;
    if (rc < 0 && rc != -EAGAIN) {
        r->err = e;
        return rc;
    }
    if (rc < 0)
        s.lost += held;
    else
        s.rounds += held;
    if (r->json)
        report_json(r, l, &s);
    else
        report_text(l->child.pid ? stderr : r->out, l, &s);
    if (l->child.pid && l->child.ended)
        return record_child_exit_code(&l->child);
    return s.lost ? EXIT_PARTIAL : 0;
}

/* As nohup has it: a hangup that was ignored stays so. */
static const atomic_bool *watch_signals(void) {
    struct sigaction hangup;
    sigaction(SIGHUP, NULL, &hangup);
    const atomic_bool *interrupted = interrupted_by_signals(0);
    if (hangup.sa_handler == SIG_IGN)
        sigaction(SIGHUP, &hangup, NULL);
    return interrupted;
}

static int record(struct run *r, struct request *q, struct record_loop *l) {
    int rc = sampler_new(&q->query, &l->sampler, &r->err);
    if (rc == 0)
        rc = open_writer(q, &l->writer, &r->err);
    if (rc == 0 && !opt_flag(r->opts, "no-gc"))
        record_gcs_open(&l->gcs);
    if (rc == 0 && q->command)
        rc = record_child_start(q->command, &l->child, &r->err);
    if (rc == 0)
        rc = record_loop_run(l, &r->err);
    if (rc == 0)
        return close_and_report(r, l);
    writer_close(l->writer, NULL);
    return rc;
}

static int run(struct run *r) {
    struct request q = {0};
    int rc = read_request(r, &q);
    if (rc == 0) {
        struct record_loop l = {.path = q.how.path,
                                .every_ns = q.how.every_ns,
                                .for_ns = q.for_ns,
                                .ends_with_targets = q.pids.n > 0,
                                .deep = {.every_ns = q.deep_ns},
                                .interrupted = watch_signals(),
                                .line = progress_start(r->progress && !q.command)};
        rc = record(r, &q, &l);
        sampler_free(l.sampler);
        record_loop_done(&l);
    }
    request_done(&q);
    return rc;
}

static const struct opt opts[] = {
    {"output", 'o', OPT_STRING, "FILE.db", "the recording; one that is there is gone on with"},
    {"all-node", 'a', OPT_FLAG, NULL, "all Node.js processes that can be seen, those to come too"},
    {"cgroup", 'g', OPT_STRING, "PATH", "those in this memory cgroup, or below it"},
    {"every", 'd', OPT_DURATION, "TIME", "from one sample to the next (1s)"},
    {"for", 'f', OPT_DURATION, "TIME", "end after this time (when it is interrupted)"},
    {"deep-every", 'D', OPT_DURATION, "TIME", "look at each process as a whole so often (never)"},
    {"no-gc", 0, OPT_FLAG, NULL, "only count collections: no probe, which takes them some us each"},
    {"max-size", 0, OPT_BYTES, "SIZE", "of the file; what is oldest goes first (512M)"},
    {0}};

const struct command cmd_record = {
    .name = "record",
    .args = "[TARGET...]",
    .group = GROUP_OVER_TIME,
    .summary = "what processes use, second by second, kept for a month",
    .help =
        "Writes samples of processes to a file: memory by kind, V8's and malloc's counters, page\n"
        "faults, CPU, threads, the cgroup's use and events; and each collection, where BPF may be\n"
        "had. Nothing is stopped; what cannot be read at once is left out. It ends with Ctrl-C,\n"
        "SIGTERM, --for, when all TARGETs are gone, or with the command it started.\n"
        "\n"
        "  $ memwhy record --all-node -o node.db            every Node process, as they come and "
        "go\n"
        "  $ memwhy record 4711 4712 -o two.db --for 1h\n"
        "  $ memwhy record -o test.db -- npm test           Node processes of that command alone\n"
        "  Recorded 3 processes for 42.1 s to test.db: 43 rounds, 107 collections, 132.0 KiB.\n"
        "  memwhy used 160.1 ms of CPU (0.38 % of one), at most 22.4 ms in a round, and 17.3 MiB.\n"
        "\n"
        "Samples are kept as they are for an hour, then as sums of 10 seconds for a day, then of "
        "a\n"
        "minute for 30 days: with the least, the most and the mean, so no peak is lost. The last\n"
        "minute of a process that ended is kept as it was, with whether its cgroup counted an OOM\n"
        "kill. 60 processes take 75 MB on the first day and 11 MB on each that follows.\n"
        "\n"
        "With --deep-every=1h each process is also looked at as a whole every hour, as `memwhy\n"
        "explain` and `memwhy growth` do: it stands still for some milliseconds. Such a moment is "
        "a\n"
        "TARGET of its own, with FILE.db:PID@WHEN, where WHEN is 14:05, -2h, first, last or\n"
        "2026-11-22T14:05; a look of a small heap takes 0.2 MB in the file.\n"
        "\n"
        "  $ memwhy record 4711 -o node.db --deep-every 1h\n"
        "  $ memwhy diff node.db@first..last               owners and regions that grew\n"
        "  $ memwhy compare node.db:4711@-3h..last         what there is more of on the heap\n"
        "\n"
        "The file is SQLite. It can be read while it is written, by `memwhy history FILE.db` and\n"
        "others. If memwhy is killed, the last second is missing and the file is whole; start it\n"
        "again with the same -o and it goes on, with a gap that is told. When the disk is full "
        "the\n"
        "last minute is held in memory until it can be written. Times only rise in it: it says\n"
        "when the wall clock was set. One memwhy at a time records into a file.\n"
        "\n"
        "A command is started as it stands after \"--\". When memwhy is to end first, it sends it\n"
        "SIGTERM and records until it is gone, for at most 10 seconds.\n"
        "\n"
        "Exit codes: the command's own, or 128 and the signal it died of; without a command 0, or\n"
        "4 when rounds are missing because they could not be written. 3: the file is not one of\n"
        "memwhy's, is damaged, or another memwhy records into it.\n",
    .opts = opts,
    .run = run,
};
