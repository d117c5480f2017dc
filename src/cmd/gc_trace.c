/* memwhy gc-trace: collections as they happen. */
#include "base/clock.h"
#include "base/fmt.h"
#include "cmd/cmd.h"
#include "cmd/gc_counted.h"
#include "cmd/gc_lines.h"
#include "cmd/gc_watch.h"
#include "cmd/interrupted.h"
#include "trace/gc_events.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

enum { EXIT_INCOMPLETE = 4 };

struct trace {
    struct run *r;
    struct gc_watch *watch;
    struct gc_events *events;
    struct gc_tallies tallies;
    const atomic_bool *stop;
    uint64_t began_ns, until_ns; /* until_ns 0: no end */
    uint64_t told, most;         /* events; most 0: no end */
    size_t traced;               /* processes that events are had of */
    struct err refused;          /* of the last process of which none are had */
    pid_t refused_pid;           /* 0: there is none */
};

static int64_t monotonic_to_boot_ns(void) {
    struct timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return boot.tv_sec * (int64_t)SECOND_NS + boot.tv_nsec - (int64_t)clock_ns();
}

static void print_line(const struct run *r, json_t *line) {
    json_dumpf(line, r->out, JSON_COMPACT | JSON_REAL_PRECISION(12));
    fputc('\n', r->out);
    json_decref(line);
}

static void tell(struct trace *t, const struct gc_event *e) {
    gc_tallies_add(&t->tallies, e);
    t->told++;
    if (t->r->json)
        print_line(t->r, gc_line_json(e));
    else
        gc_line_print(t->r->out, e, monotonic_to_boot_ns());
}

static void came(void *ctx, const struct process_id *id) {
    struct trace *t = ctx;
    struct err e = {0};
    int rc = gc_events_add(t->events, id, &e);
    t->traced += rc == 0;
    if (rc < 0 && rc != -ESRCH) {
        t->refused = e;
        t->refused_pid = id->pid;
    }
}

static void say_refused(struct trace *t) {
    if (t->refused_pid)
        fprintf(stderr, "memwhy: Process %d is left out: %s %s\n", (int)t->refused_pid,
                t->refused.what, t->refused.hint);
    t->refused_pid = 0;
}

static void gone(void *ctx, const struct process_id *id) {
    struct trace *t = ctx;
    gc_events_remove(t->events, id->pid);
}

/* Until the time is over, enough was told, a signal came, or all that was named has ended. */
static void follow(struct trace *t) {
    const struct gc_watcher watcher = {came, gone, t};
    uint64_t next_look_ns = t->began_ns + SECOND_NS;
    struct gc_event e;
    for (bool some = true, over = false; some && !over;) {
        uint64_t now_ns = clock_ns();
        over =
            *t->stop || (t->until_ns && now_ns >= t->until_ns); /* what came before that is told */
        if (now_ns >= next_look_ns) {
            some = gc_watch_look(t->watch, &watcher) > 0 || t->most || t->until_ns;
            next_look_ns = now_ns + SECOND_NS;
            say_refused(t);
        }
        while ((!t->most || t->told < t->most) && gc_events_next(t->events, &e))
            tell(t, &e);
        fflush(t->r->out);
        over |= t->most && t->told >= t->most;
        uint64_t wake_ns = t->until_ns && t->until_ns < next_look_ns ? t->until_ns : next_look_ns;
        struct pollfd p = {.fd = gc_events_fd(t->events), .events = POLLIN};
        if (some && !over && wake_ns > now_ns)
            poll(&p, 1, (int)((wake_ns - now_ns) / 1000000 + 1));
    }
}

static int finish(struct trace *t) {
    uint64_t watched_ns = clock_ns() - t->began_ns, lost = gc_events_lost(t->events);
    uint64_t unexplained = gc_events_unexplained(t->events);
    char time[FMT_MAX];
    if (t->r->json) {
        json_t *line = json_pack("{s:s, s:s, s:s}", "schema", "memwhy/1", "command", "gc-trace",
                                 "event", "summary");
        json_object_set_new(line, "watched_ns", json_integer((json_int_t)watched_ns));
        json_object_set_new(line, "kinds", gc_tallies_json(&t->tallies, watched_ns));
        json_object_set_new(line, "lost", json_integer((json_int_t)lost));
        json_object_set_new(line, "unexplained", json_integer((json_int_t)unexplained));
        print_line(t->r, line);
    } else {
        fprintf(t->r->out, "\n%" PRIu64 " collections in %s.\n", t->told,
                fmt_duration(time, watched_ns));
        gc_tallies_print(t->r->out, &t->tallies, watched_ns, t->r->width);
        if (lost)
            fprintf(t->r->out, "%" PRIu64 " more came faster than they could be fetched.\n", lost);
        if (unexplained)
            fprintf(t->r->out,
                    "%" PRIu64
                    " more are not told: V8's record of them is not what memwhy knows.\n",
                    unexplained);
    }
    return lost || unexplained ? EXIT_INCOMPLETE : 0;
}

/* No events are to be had: `why` says the reason. */
static int count_instead(struct trace *t, const struct err *why) {
    const struct gc_counted how = {.until_ns = t->until_ns, .most = t->most, .stop = t->stop};
    fprintf(stderr, "memwhy: %s%s%s\n", why->what, why->hint[0] ? " " : "", why->hint);
    gc_watch_again(t->watch);
    int rc = gc_counted_run(t->r, t->watch, &how);
    return rc < 0 ? rc : EXIT_INCOMPLETE;
}

/* From here on nothing is missed. */
static void say_begin(const struct trace *t) {
    if (t->r->json)
        print_line(t->r, json_pack("{s:s, s:s, s:s, s:I, s:I}", "schema", "memwhy/1", "command",
                                   "gc-trace", "event", "began", "at_ns", (json_int_t)t->began_ns,
                                   "processes", (json_int_t)t->traced));
    else if (t->r->progress)
        fprintf(stderr, "Waiting for collections of %zu process%s; Ctrl-C ends it.\n", t->traced,
                t->traced == 1 ? "" : "es");
}

static int trace(struct trace *t) {
    struct err why = {0};
    const struct gc_watcher watcher = {came, gone, t};
    if (gc_events_open(&t->events, &why) < 0)
        return count_instead(t, &why);
    size_t n = gc_watch_look(t->watch, &watcher);
    if (n && !t->traced)
        return count_instead(t, &t->refused);
    say_refused(t);
    t->began_ns = clock_ns();
    say_begin(t);
    follow(t);
    return finish(t);
}

static int run_gc_trace(struct run *r) {
    const char *const *args;
    struct trace t = {.r = r, .began_ns = clock_ns(), .most = opt_u64(r->opts, "count", 0)};
    uint64_t for_ns = opt_u64(r->opts, "for", 0);
    size_t n = opt_args(r->opts, &args);
    bool all = opt_flag(r->opts, "all-node");
    if (all == (n > 0))
        return err_set(&r->err, -EINVAL, "`memwhy gc-trace 4711`, or `memwhy gc-trace --all-node`.",
                       all ? "--all-node names all processes already."
                           : "Which processes shall be traced is not said.");
    int rc = gc_watch_new(r, args, n, &t.watch);
    if (rc < 0)
        return rc;
    t.until_ns = for_ns ? t.began_ns + for_ns : 0;
    t.stop = interrupted_by_signals(SA_RESTART); /* of writes; what waits is ended all the same */
    rc = trace(&t);
    gc_events_close(t.events);
    gc_watch_free(t.watch);
    gc_tallies_done(&t.tallies);
    return rc;
}

static const struct opt opts[] = {
    {"all-node", 'a', OPT_FLAG, NULL, "all processes of Node, also those that start meanwhile"},
    {"for", 'f', OPT_DURATION, "TIME", "end after this time"},
    {"count", 'n', OPT_U64, "N", "end after so many collections"},
    {0}};

const struct command cmd_gc_trace = {
    .name = "gc-trace",
    .args = "[PID...]",
    .group = GROUP_OVER_TIME,
    .summary = "collections of the garbage collector as they happen, as --trace-gc prints them",
    .help =
        "Prints a line for each collection of a running process, as Node does when it is started\n"
        "with --trace-gc; the process needs no flag and is not held. At the end, by Ctrl-C, --for\n"
        "or --count, it says how many there were and how much of the time they took.\n"
        "\n"
        "  $ memwhy gc-trace 4711 --for 60s\n"
        "  [4711:0x3c1f000]    84211 ms: Scavenge 61.4 (80.2) -> 46.9 (80.2) MB, 1.71 ms (average\n"
        "      mu = 0.996, current mu = 0.997) allocation failure;\n"
        "  [4711:0x3c1f000]    84960 ms: Mark-Compact 78.3 (81.9) -> 31.0 (64.4) MB, 6.30 ms (+\n"
        "      18.2 ms in 41 steps of marking) (average mu = 0.991, current mu = 0.984) "
        "allocation\n"
        "      limit;\n"
        "\n"
        "In brackets the process and the isolate; then milliseconds since the process began; the\n"
        "kind; bytes of objects (and of memory held for them) before -> after; the pause, in\n"
        "which that thread runs no JavaScript; V8's reason. Collections of worker threads end in\n"
        "`worker` and the thread: they hold up that worker only.\n"
        "\n"
        "  Scavenge      the young generation, 1 to 10 ms; many are normal. Long ones have many\n"
        "                survivors: a larger --max-semi-space-size lets more of them die first.\n"
        "  Mark-Compact  the whole heap, mostly marked beside the program and in steps before. "
        "What\n"
        "                is left after it is what lives: when that rises from one to the next, "
        "the\n"
        "                program keeps more (`memwhy growth PID` says what). When `before` is "
        "hardly\n"
        "                more than `after`, V8 collects in vain, near its limit (`memwhy heap "
        "PID`).\n"
        "                \"(reduce)\": V8 gives memory back, as it does when the program rests.\n"
        "  mu            mutator utilization: the share of time the program had for itself, "
        "around\n"
        "                the last mark-compact (current) and smoothed over several (average). "
        "Below\n"
        "                0.9 collecting costs more than it should; at 0 V8 gives up.\n"
        "\n"
        "V8 notes every collection for the end of a crash log; memwhy puts a probe of the kernel\n"
        "(a uprobe) there, which costs the process 2 to 5 us of CPU a collection, and one page of\n"
        "4 KiB while memwhy looks. The kernel takes the probe out when memwhy ends, even when it "
        "is\n"
        "killed. V8 10 and 11 (Node 18 and 20) note a mark-compact when its sweeping is done, so "
        "its\n"
        "line may come late.\n"
        "\n"
        "It takes root or CAP_SYS_ADMIN (kernels until 2025: CAP_BPF and CAP_PERFMON; and\n"
        "CAP_SYS_PTRACE for processes of others), Linux 5.8, and a Node with symbols, as the\n"
        "official builds have. Where that is not to be had, collections are counted, from V8's "
        "own\n"
        "counters; pauses are then not known.\n"
        "\n"
        "Exit codes: 0 all was told; 4 it was not: some were lost, or could only be counted.\n",
    .opts = opts,
    .run = run_gc_trace,
};
