#include "trial/run.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "collect/collect.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "trial/gc_times.h"
#include "trial/keeper.h"
#include "trial/listener.h"
#include "trial/log.h"
#include "trial/rank.h"
#include "trial/tree.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define LEAST_BYTES (1ull << 20) /* a small process moves by that much anyway */

enum { READY_STEP_MS = 25, LISTENS_STEP_MS = 50, SETTLE_STEPS = 40, TAIL = 8192 };

/* A run under way. */
struct course {
    const struct run_how *how;
    const struct setting_list *settings;
    struct trial_run *run;
    struct keeper keeper;
    struct log log;
    struct load_target target; /* target.pid is the process that is measured */
    uint64_t began_ns;
};

const char *run_outcome_name(enum run_outcome o) {
    static const char *const names[] = {[RUN_MEASURED] = "measured",
                                        [RUN_ENDED] = "ended",
                                        [RUN_DIED] = "died",
                                        [RUN_NOT_READY] = "not_ready",
                                        [RUN_LOAD_FAILED] = "load_failed",
                                        [RUN_CANCELLED] = "cancelled"};
    return names[o];
}

void trial_run_done(struct trial_run *r) {
    free(r->why);
    free(r->tail);
    free(r->reason);
    free(r->account_why);
    load_result_done(&r->load);
    vec_free(&r->predictions);
    *r = (struct trial_run){0};
}

static void say(const struct course *c, const char *what) {
    if (c->how->say)
        c->how->say(c->how->arg, what);
}

static void know(struct course *c, enum measure m, double v) {
    c->run->known[m] = true;
    c->run->value[m] = v;
}

static bool is_cancelled(const struct course *c) {
    return c->how->cancelled && atomic_load(c->how->cancelled);
}

/* --- the process as the kernel shows it --- */

static bool rss_of(pid_t pid, uint64_t *ret) {
    struct process_statm s;
    if (process_statm("", pid, &s) < 0)
        return false;
    *ret = s.resident_bytes;
    return *ret > 0;
}

/* proc(5): utime and stime are fields 14 and 15 of stat; the name before them may hold anything. */
static bool cpu_of(pid_t pid, uint64_t *ret_ns) {
    char *text;
    size_t n;
    unsigned long long user, system;
    if (procfs_read("", pid, "stat", 4096, &text, &n) < 0)
        return false;
    const char *behind = strrchr(text, ')');
    bool is = behind && sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                               &user, &system) == 2;
    if (is)
        *ret_ns = (user + system) * (SECOND_NS / (unsigned long)sysconf(_SC_CLK_TCK));
    free(text);
    return is;
}

static void measure_peak(struct course *c) {
    struct process p;
    uint64_t v;
    if (process_read("", c->target.pid, PROCESS_STATUS, &p) < 0)
        return;
    if (process_size_get(&p, PROCESS_RSS_PEAK, &v))
        know(c, MEASURE_PEAK, (double)v);
    process_done(&p);
}

static void count_others(struct course *c) {
    struct pid_list below;
    uint64_t rss;
    if (tree_below(c->target.pid, &below) < 0)
        return;
    for (size_t i = 0; i < below.list.n; i++)
        if (rss_of(below.list.at[i], &rss)) {
            c->run->others++;
            c->run->others_rss_bytes += rss;
        }
    vec_free(&below.list);
}

/* --- how it ends --- */

/* It has ended by itself: well, or not. */
static enum run_outcome end_of(struct course *c, const char *when) {
    const struct keeper_end *end = &c->keeper.end;
    cleanup_free char *how = keeper_end_text(end);
    c->run->why = mem_printf("%s %s", how, when);
    know(c, MEASURE_PEAK, (double)end->peak_rss_bytes);
    know(c, MEASURE_CPU, (double)end->cpu_ns);
    return end->status == 0 ? RUN_ENDED : RUN_DIED;
}

/* A moment's patience; whether the run goes on. */
static bool goes_on(struct course *c, int ms, const char *when) {
    if (is_cancelled(c)) {
        c->run->outcome = RUN_CANCELLED;
        return false;
    }
    log_bound(&c->log);
    if (!keeper_ended(&c->keeper, ms))
        return true;
    if (!c->run->why)
        c->run->outcome = end_of(c, when);
    return false;
}

/* --- ready --- */

static bool find_address(struct course *c) {
    /* Node started as such is what is asked about; what npm or a shell starts is found by its
     * socket. */
    return listener_find(c->keeper.pid, c->how->port, !c->settings->node_version, &c->target);
}

static bool is_ready(struct course *c) {
    if (c->how->ready_text)
        return log_says(&c->log, c->how->ready_text);
    if (c->how->ready_after_ns)
        return clock_ns() - c->began_ns >= c->how->ready_after_ns;
    return find_address(c);
}

static bool await_ready(struct course *c) {
    bool listens = !c->how->ready_text && !c->how->ready_after_ns;
    cleanup_free char *what = c->how->ready_text
                                  ? mem_printf("until it prints \"%s\"", c->how->ready_text)
                                  : mem_strdup(listens ? "until it listens" : "until it is ready");
    cleanup_free char *waits = mem_printf("waiting %s", what);
    char limit[FMT_MAX];
    uint64_t rss;
    while (!is_ready(c)) {
        say(c, waits);
        if (!goes_on(c, listens ? LISTENS_STEP_MS : READY_STEP_MS, "before it was ready"))
            return false;
        if (clock_ns() - c->began_ns < c->how->ready_limit_ns)
            continue;
        c->run->outcome = RUN_NOT_READY;
        c->run->why = mem_printf("was waited for %s, in vain for %s", what,
                                 fmt_duration(limit, c->how->ready_limit_ns));
        return false;
    }
    know(c, MEASURE_READY, (double)(clock_ns() - c->began_ns));
    if (!listens)
        find_address(c);
    if (rss_of(c->target.pid, &rss))
        know(c, MEASURE_START, (double)rss);
    return true;
}

/* --- load --- */

static bool enough(void *arg) {
    struct course *c = arg;
    say(c, c->how->load.command ? "the load runs" : "requests run");
    return !goes_on(c, 0, "under load");
}

static bool put_under_load(struct course *c) {
    struct load_result *l = &c->run->load;
    load_run(&c->how->load, &c->target, enough, c, l);
    if (l->has_rate)
        know(c, MEASURE_RATE, l->per_second);
    if (l->has_http && l->http.latency.n) {
        know(c, MEASURE_P50, (double)latency_quantile(&l->http.latency, 0.5));
        know(c, MEASURE_P95, (double)latency_quantile(&l->http.latency, 0.95));
        know(c, MEASURE_P99, (double)latency_quantile(&l->http.latency, 0.99));
    }
    /* A program that dies takes its clients along, a moment before the kernel tells. */
    if (!goes_on(c, l->failure ? 200 : 0, "under load"))
        return false;
    if (!l->failure)
        return true;
    c->run->outcome = RUN_LOAD_FAILED;
    c->run->why = mem_strdup(l->failure);
    return false;
}

/* --- settled --- */

struct samples {
    VEC(double) rss; /* one each step */
    size_t wanted;   /* that many make the time it has to stay */
};

/* The last of them differ by little. */
static bool is_constant(const struct samples *s) {
    if (s->rss.n < s->wanted)
        return false;
    const double *last = s->rss.at + (s->rss.n - s->wanted);
    double least = last[0], most = last[0];
    for (size_t i = 1; i < s->wanted; i++) {
        least = last[i] < least ? last[i] : least;
        most = last[i] > most ? last[i] : most;
    }
    double little = least * RUN_SETTLED_PERCENT / 100;
    return most - least <= (little > LEAST_BYTES ? little : LEAST_BYTES);
}

static bool settle(struct course *c) {
    struct samples s = {.wanted = SETTLE_STEPS + 1};
    uint64_t began = clock_ns(), step = c->how->settle_ns / SETTLE_STEPS, rss;
    uint64_t least = 10000000; /* a hundred looks a second are enough */
    if (step < least) {
        step = least;
        s.wanted = (size_t)(c->how->settle_ns / step) + 1;
    }
    bool alive = true;
    while (rss_of(c->target.pid, &rss)) {
        vec_push(&s.rss, (double)rss);
        c->run->settled = is_constant(&s);
        if (c->run->settled || clock_ns() - began > c->how->settle_limit_ns)
            break;
        say(c, "until its memory settles");
        uint64_t next = began + s.rss.n * step, now = clock_ns();
        alive = goes_on(c, next > now ? (int)((next - now) / 1000000) : 0, "after the load");
        if (!alive)
            break;
    }
    alive = alive && goes_on(c, 0, "after the load");
    c->run->settled_after_ns = clock_ns() - began;
    if (alive && s.rss.n) {
        size_t n = s.rss.n < s.wanted ? s.rss.n : s.wanted;
        know(c, MEASURE_SETTLED, rank_median(s.rss.at + (s.rss.n - n), n));
    }
    vec_free(&s.rss);
    return alive;
}

/* --- the account --- */

static unsigned needs_of(const struct course *c) {
    unsigned needs = NEED_V8 | NEED_MALLOC | NEED_ACCOUNT | NEED_PROCESS;
    for (size_t i = 1; i < c->settings->list.n && c->run->setting == SETTING_BASELINE; i++)
        if (predict_needs_liveness(&c->settings->list.at[i]))
            needs |= NEED_LIVENESS;
    return needs;
}

static void look(struct course *c) {
    const struct image_freeze_how how = {.way = IMAGE_FREEZE_AUTO, .max_pause_ns = 10 * SECOND_NS};
    cleanup_free char *pid = mem_printf("%d", (int)c->target.pid);
    struct evidence ev;
    struct err e = {0};
    say(c, "reading its memory");
    int rc = collect(pid, needs_of(c), &how, &ev, &e);
    if (rc < 0) {
        c->run->account_why = mem_strdup(e.what[0] ? e.what : strerror(-rc));
        return;
    }
    c->run->has_account = ev.has_account;
    if (ev.has_account)
        c->run->groups = account_groups_sum(&ev.account);
    if (c->run->setting == SETTING_BASELINE)
        for (size_t i = 0; i < c->settings->list.n; i++)
            vec_push(&c->run->predictions, predict_setting(&ev, &c->settings->list.at[i]));
    evidence_done(&ev);
}

/* --- */

static void follow(struct course *c) {
    uint64_t cpu_ns;
    if (!await_ready(c) || !put_under_load(c))
        return;
    if (cpu_of(c->target.pid, &cpu_ns)) /* before it idles, which takes now longer, now less */
        know(c, MEASURE_CPU, (double)cpu_ns);
    if (!settle(c))
        return;
    count_others(c);
    measure_peak(c); /* before a look, which the process pays for */
    look(c);
    c->run->outcome = RUN_MEASURED;
    goes_on(c, 0, "after the load");
}

static char *log_path(const struct course *c) {
    if (!c->how->logs)
        return NULL;
    return mem_printf("%s/round-%zu-setting-%zu.log", c->how->logs, c->run->round + 1,
                      c->run->setting);
}

int run_once(const struct run_how *how, const struct setting_list *settings, size_t setting,
             size_t round, struct trial_run *ret, struct err *e) {
    const struct setting *s = &settings->list.at[setting];
    bool traced = how->gc_times && settings->node_version;
    cleanup_free char **argv = setting_argv(s, how->argv, traced ? "--trace-gc" : NULL);
    cleanup_free char **env = setting_environment(s, NULL, 0);
    struct trial_run run = {.setting = setting, .round = round};
    struct course c = {.how = how, .settings = settings, .run = &run, .began_ns = clock_ns()};
    cleanup_free char *path = log_path(&c);
    int rc = log_open(path, &c.log, e);
    if (rc < 0)
        return rc;
    const struct keeper_program p = {.argv = argv, .envp = env, .output = c.log.fd};
    rc = keeper_start(&p, &c.keeper, e);
    if (rc == 0) {
        uint64_t gc_ns;
        run.pid = c.target.pid = c.keeper.pid;
        follow(&c);
        run.pid = c.target.pid;
        keeper_stop(&c.keeper);
        if (traced && !c.log.dropped && gc_times_read(c.log.fd, run.pid, &gc_ns))
            know(&c, MEASURE_GC, (double)gc_ns);
        if (run.outcome != RUN_MEASURED) {
            run.tail = log_tail(&c.log, TAIL);
            run.reason = log_reason(run.tail);
        }
        run.took_ns = clock_ns() - c.began_ns;
        *ret = run;
    }
    log_close(&c.log);
    return rc;
}
