/* memwhy try: settings under load, in fresh processes, with what of it is more than noise. */
#include "base/fmt.h"
#include "base/progress.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/interrupted.h"
#include "cmd/try_report.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define SECOND_NS 1000000000ull

enum { EXIT_PARTIAL = 4, ROUNDS = 5, CONNECTIONS = 10, CONNECTIONS_MOST = 1000 };

static void say(void *arg, const struct trial_progress *p, const char *what) {
    struct progress *line = arg;
    char left[FMT_MAX];
    cleanup_free char *name = text_printable(p->setting);
    cleanup_free char *text =
        mem_printf("round %zu of %zu, %.60s: %.60s%s%s%s,", p->round + 1, p->rounds, name, what,
                   p->left_ns ? "; about " : "", p->left_ns ? fmt_duration(left, p->left_ns) : "",
                   p->left_ns ? " to go" : "");
    progress_say(line, text, p->done, p->total);
}

/* --env, --flag and --set, in the order they were given. */
static int read_settings(struct run *r, struct setting_list *l) {
    const char *name, *text;
    for (size_t i = 0; opt_nth(r->opts, i, &name, &text); i++) {
        if (strcmp(name, "env") != 0 && strcmp(name, "flag") != 0 && strcmp(name, "set") != 0)
            continue;
        int rc = settings_add(l, text, &r->err);
        if (rc < 0)
            return rc;
    }
    if (l->list.n == 1)
        return err_set(&r->err, -EINVAL,
                       "Add --env MALLOC_ARENA_MAX=2, say, or --flag --max-old-space-size=256.",
                       "there is nothing to try");
    if (!opt_flag(r->opts, "alone"))
        settings_add_together(l);
    return 0;
}

static int read_load(struct run *r, struct load_how *l) {
    const char *path = opt_string(r->opts, "url", NULL);
    *l = (struct load_how){
        .command = opt_string(r->opts, "load", NULL),
        .path = path,
        .connections = (uint32_t)opt_u64(r->opts, "connections", CONNECTIONS),
        .per_second = opt_u64(r->opts, "rate", 0),
        .for_ns = opt_u64(r->opts, "for", 10 * SECOND_NS),
        .requests = opt_u64(r->opts, "requests", 0),
        .limit_ns = opt_u64(r->opts, "load-limit", 600 * SECOND_NS),
    };
    if (l->command && path)
        return err_set(&r->err, -EINVAL, "Give one of them.",
                       "--load and --url are both a load, and there is one");
    if (path && path[0] != '/')
        return err_set(&r->err, -EINVAL,
                       "Give --url=/path; the port is where it listens, or --port.",
                       "--url is a path on the program that is tried");
    for (const char *c = path; c && *c; c++)
        if (*c <= ' ' || *c == 127)
            return err_set(&r->err, -EINVAL, "Write a blank as %20.",
                           "--url has a character that no URL can have");
    if (opt_u64(r->opts, "connections", CONNECTIONS) - 1 >= CONNECTIONS_MOST)
        return err_set(&r->err, -EINVAL, "", "--connections is from 1 to %d", CONNECTIONS_MOST);
    return 0;
}

static int check_logs(struct run *r, const char *folder) {
    if (folder && mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_set(&r->err, -errno, "Make it, or name another with --logs.",
                       "the folder %s cannot be made (%s)", folder, strerror(errno));
    return 0;
}

static int read_how(struct run *r, struct trial_how *how) {
    const char *const *args;
    opt_args(r->opts, &args);
    *how = (struct trial_how){
        .rounds = opt_u64(r->opts, "rounds", ROUNDS),
        .say = say,
        .run = {.argv = args,
                .ready_text = opt_string(r->opts, "ready", NULL),
                .ready_after_ns = opt_u64(r->opts, "ready-after", 0),
                .ready_limit_ns = opt_u64(r->opts, "ready-limit", 60 * SECOND_NS),
                .port = (uint16_t)opt_u64(r->opts, "port", 0),
                .settle_ns = opt_u64(r->opts, "settle", 10 * SECOND_NS),
                .settle_limit_ns = opt_u64(r->opts, "settle-limit", 60 * SECOND_NS),
                .gc_times = opt_flag(r->opts, "gc-times"),
                .logs = opt_string(r->opts, "logs", NULL)},
    };
    if (how->rounds - 1 >= TRIAL_ROUNDS_MOST)
        return err_set(&r->err, -EINVAL, "", "--rounds is from 1 to %d", TRIAL_ROUNDS_MOST);
    if (opt_u64(r->opts, "port", 0) > UINT16_MAX)
        return err_set(&r->err, -EINVAL, "", "--port is at most %d", UINT16_MAX);
    if (how->run.ready_text && !*how->run.ready_text)
        return err_set(&r->err, -EINVAL, "Leave it out, and it is ready when it listens.",
                       "--ready wants a text to wait for");
    int rc = check_logs(r, how->run.logs);
    return rc < 0 ? rc : read_load(r, &how->run.load);
}

/* No run was any good: that is no result but an error, with what the baseline said. */
static int explain_failure(struct run *r, const struct trial *t) {
    const struct trial_run *x = &t->runs.at[0];
    const char *hint =
        x->outcome == RUN_NOT_READY ? "It is ready when it listens: --ready TEXT, --ready-after "
                                      "TIME and --ready-limit TIME say otherwise."
        : x->outcome == RUN_LOAD_FAILED ? "The load finds PORT, PID and URL in its environment."
                                        : "--logs DIR keeps what it prints.";
    return err_set(&r->err, -ECHILD, hint, "the program %s, even without any setting%s%s", x->why,
                   x->reason[0] ? ": " : "", x->reason);
}

static int report(struct run *r, const struct trial *t, const struct trial_how *how) {
    struct verdict v;
    size_t good = 0;
    for (size_t i = 0; i < t->runs.n; i++)
        good += t->runs.at[i].outcome == RUN_MEASURED || t->runs.at[i].outcome == RUN_ENDED;
    if (!good && t->interrupted)
        return err_set(&r->err, -EINTR, "", "interrupted before anything was measured");
    if (!good)
        return explain_failure(r, t);
    verdict_of(t, &v);
    if (r->json)
        try_report_json(r, t, &v, how);
    else
        try_report_text(r, t, &v, how);
    verdict_done(&v);
    return t->interrupted ? EXIT_PARTIAL : 0;
}

static int run_try(struct run *r) {
    struct trial t = {0};
    struct trial_how how;
    struct progress line = progress_start(r->progress);
    settings_init(&t.settings);
    int rc = read_how(r, &how);
    if (rc == 0)
        rc = read_settings(r, &t.settings);
    if (rc == 0)
        rc = settings_check(&t.settings, how.run.argv, &r->err);
    if (rc == 0) {
        how.arg = &line;
        how.run.cancelled = interrupted_by_signals(0);
        rc = trial_run_all(&t, &how, &r->err);
        progress_done(&line);
    }
    if (rc == 0)
        rc = report(r, &t, &how);
    trial_done(&t);
    return rc;
}

static const struct opt opts[] = {
    {"env", 'e', OPT_STRING, "K=V", "a setting: this variable of the environment; may be repeated"},
    {"flag", 'f', OPT_STRING, "FLAG", "a setting: this flag of node's or V8's; may be repeated"},
    {"set", 's', OPT_STRING, "WORDS",
     "a setting of several variables and flags, with blanks between"},
    {"alone", 'a', OPT_FLAG, NULL, "do not try them together as well"},
    {"rounds", 'n', OPT_U64, "N", "how often each is run (5)"},
    {"load", 'l', OPT_STRING, "CMD", "put under load by this command, with PORT, PID and URL set"},
    {"url", 'u', OPT_STRING, "PATH", "put under load by GET requests for this path"},
    {"connections", 'c', OPT_U64, "N", "over so many connections (10)"},
    {"rate", 0, OPT_U64, "N", "so many requests a second (as many as it answers)"},
    {"for", 0, OPT_DURATION, "TIME", "and for so long (10s)"},
    {"requests", 0, OPT_U64, "N", "or until so many were sent"},
    {"load-limit", 0, OPT_DURATION, "TIME", "a load that takes longer has failed (10min)"},
    {"port", 0, OPT_U64, "PORT", "the port that counts, when it listens on several"},
    {"ready", 0, OPT_STRING, "TEXT", "it is ready when it prints this (when it listens)"},
    {"ready-after", 0, OPT_DURATION, "TIME", "it is ready after this time"},
    {"ready-limit", 0, OPT_DURATION, "TIME", "if it is not ready by then, it has failed (60s)"},
    {"settle", 0, OPT_DURATION, "TIME", "RSS has settled when it was constant for so long (10s)"},
    {"settle-limit", 0, OPT_DURATION, "TIME", "wait no longer for that (60s)"},
    {"gc-times", 0, OPT_FLAG, NULL, "have node tell its collections (--trace-gc, in all runs)"},
    {"logs", 0, OPT_STRING, "DIR", "keep what the program prints, a file for each run"},
    {0}};

const struct command cmd_try = {
    .name = "try",
    .args = "COMMAND...",
    .group = GROUP_REMEDY,
    .summary = "start a program under settings and under load: which of them helps?",
    .help =
        "Starts the program as it is and under each setting, and under all of them together, each\n"
        "time in a fresh process and under the same load; measures; and does so --rounds times,\n"
        "in turn, so that what else the machine does falls on all of them.\n"
        "\n"
        "  $ memwhy try -e MALLOC_ARENA_MAX=2 -f --max-old-space-size=256 --url / -- node app.js\n"
        "  $ memwhy try -e MALLOC_ARENA_MAX=2 --load 'wrk -d 10s $URL/chat' -- node dist/main\n"
        "  $ memwhy try -f --max-semi-space-size=2 --ready READY -- node burst.js\n"
        "\n"
        "  START      RSS when it was ready\n"
        "  PEAK       the most it had, by the kernel's count\n"
        "  SETTLED    RSS after the load, once it no longer moves: what you pay for\n"
        "  CHANGE     of SETTLED, against the baseline: the middle of all differences between\n"
        "             their runs; \"noise\" when chance alone makes one so large in more than 5 %\n"
        "             of such trials (exact rank test, all settings together)\n"
        "  INTERVAL   where it lies, with 95 % confidence if there are rounds enough\n"
        "  PREDICTED  what memwhy would have said from the baseline's memory: `memwhy malloc` of\n"
        "             variables for malloc; of a heap limit, what lives and so must stay\n"
        "  CPU        user and system time of the process, until the load was over\n"
        "\n"
        "Which setting to ship is decided by SETTLED (by PEAK, of a program that ends by itself):\n"
        "the least that is clearly less than the baseline, by 5 % or more, and makes nothing else\n"
        "clearly worse by over 10 %; of equals, the one that sets least. Five rounds can tell six\n"
        "settings from noise; with four, one.\n"
        "\n"
        "--load is run by sh -c and must exit with 0. What it prints as wrk and ab do\n"
        "(\"Requests/sec: 1234\") is taken for its rate. Without --load and --url the load is "
        "what\n"
        "the program does by itself. A program that dies under a setting is a result. Whether\n"
        "node takes the flags is asked of that node first. Nothing that was started outlives\n"
        "memwhy. Exit code 4: interrupted; what was measured until then is shown.\n",
    .opts = opts,
    .run = run_try,
};
