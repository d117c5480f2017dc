/* What to do, and with what to find out more next time. Every flag told exists in all of Node 8 to
 * 26, or its first version is said. */
#include "base/fmt.h"
#include "crashlog/verdict.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static char *command(const char *text) {
    return mem_strdup(text);
}

/* Looking before it dies again. */
static void advise_heap_look(struct verdict *v) {
    verdict_advise(
        v, NULL, command("memwhy suspects PID"),
        "Before it dies again, once it is half full: what holds most of the heap, and how "
        "it is reached.");
    verdict_advise(v, NULL, command("memwhy growth PID --for 60s"),
                   "What grows meanwhile, and where it "
                   "hangs.");
    verdict_advise(
        v, NULL, command("memwhy suspects CORE"),
        "At its heap limit V8 aborts, which leaves a core where those are kept (`ulimit -c "
        "unlimited`, coredumpctl, memwhy core-handler): the same answer, from the dead.");
}

static void advise_limit(struct verdict *v) {
    char minutes[FMT_MAX];
    double more = v->limit_most_mib > 0 ? v->limit_most_mib
                  : v->limit_mib > 0    ? v->limit_mib
                  : v->has_live         ? v->live_mib
                                        : 0;
    double twice = more > 0 ? ceil(more * 2 / 256) * 256 : 0;
    bool leaks = v->has_trend && v->trend.mib_per_min > 0 && v->trend.fits > 0.6;
    if (leaks && more > 0)
        verdict_advise(
            v, "bound-the-collection", NULL,
            "It grew by %.2f MiB a minute: twice the limit would have lasted %s longer. Find "
            "what grows and bound it.",
            v->trend.mib_per_min,
            fmt_duration(minutes, (uint64_t)fmin(more / v->trend.mib_per_min * 60e9, 9e18)));
    if (twice > 0)
        verdict_advise(
            v, "raise-limit-or-reduce-live-set", NULL,
            "If the work needs so much (a build, an import): --max-old-space-size=%.0f, in "
            "NODE_OPTIONS, and a container with some 30 %% more than that.",
            twice);
    else
        verdict_advise(
            v, "raise-limit-or-reduce-live-set", NULL,
            "If the work needs so much (a build, an import), raise --max-old-space-size, in "
            "NODE_OPTIONS; the limit in force is not in this log.");
}

static void advise_more_log(struct verdict *v) {
    if (!v->has_trend && v->how != HOW_ALIVE)
        verdict_advise(
            v, NULL, command("node --trace-gc ... 2>&1 | tee app.log; memwhy oom app.log"),
            "The last collections alone do not show since when it grew: --trace-gc does, at "
            "a line for each collection.");
}

static bool cause_is(const struct verdict *v, const char *cause) {
    return v->cause && !strcmp(v->cause, cause);
}

/* Memory that is not the killed process's own. */
static bool advise_others(struct verdict *v) {
    if (cause_is(v, "other-process-in-pod"))
        verdict_advise(
            v, NULL, command("memwhy ps"),
            "Which process of the container uses what: the large one is another than the one "
            "killed.");
    else if (cause_is(v, "shared-memory"))
        verdict_advise(
            v, NULL, command("memwhy map PID"),
            "Files in /dev/shm and tmpfs (often /tmp), and shared buffers, are charged to the "
            "container of who writes them: remove them, or give them a disk.");
    else if (cause_is(v, "page-cache-in-cgroup"))
        verdict_advise(
            v, NULL, command("memwhy ps"),
            "Pages of files filled the container faster than they could be written: write "
            "slower, or to a faster disk; no process held them.");
    else
        return false;
    return true;
}

static void advise_cgroup(struct verdict *v) {
    char limit[FMT_MAX];
    const struct kernel_kill *k = v->kill;
    if (advise_others(v))
        return;
    if (k && k->has_limit)
        verdict_advise(
            v, "raise-limit-or-reduce-live-set", NULL,
            "The container may have %s for everything: heap, Buffers, stacks and code. Keep "
            "--max-old-space-size at about %.0f (three quarters of it), so that V8 collects, "
            "or fails with a message, before the kernel kills.",
            fmt_bytes(limit, k->limit), floor((double)k->limit / 1048576 * 0.75));
    verdict_advise(
        v, NULL, command("memwhy PID"),
        "While it runs: where its resident memory is, to the byte; what is heap, Buffers, "
        "malloc's, and what could be given back.");
    verdict_advise(v, NULL, command("memwhy capture PID -o app.core.zst --redact"),
                   "A SIGKILL leaves nothing: keep the evidence when it is at three quarters.");
}

static void advise_large(struct verdict *v) {
    verdict_advise(v, "stream-instead", NULL,
                   "Do it in pieces: stream instead of one text (JSON.stringify, join, readFile), "
                   "several Maps or a bounded one instead of one, rows instead of one array.");
    if (v->how == HOW_ONE_BLOCK)
        verdict_advise(
            v, "raise-limit-or-reduce-live-set", NULL,
            "A table or array that grows is copied, and needs once more half or all of its "
            "size in one piece: a limit of twice what lives lets that happen.");
    verdict_advise(v, NULL, command("memwhy objects PID"),
                   "Before that: which objects are so large.");
}

static void advise_system(struct verdict *v) {
    verdict_advise(v, NULL, command("memwhy ps"), "Which process uses the machine's memory.");
    verdict_advise(
        v, NULL, command("memwhy map PID"),
        "Whether it is the number of mappings, or one huge reservation (ulimit -v counts "
        "those, too).");
}

void verdict_advices(struct verdict *v) {
    switch (v->how) {
    case HOW_HEAP_LIMIT:
        advise_limit(v);
        advise_heap_look(v);
        advise_more_log(v);
        break;
    case HOW_WORKER_LIMIT:
        verdict_advise(
            v, "raise-limit-or-reduce-live-set", NULL,
            "new Worker(file, {resourceLimits: {maxOldGenerationSizeMb: N}}) sets it; listen "
            "to the worker's 'error', or the process goes with it.");
        verdict_advise(v, NULL, command("memwhy heap PID"),
                       "The heaps of the workers, one by one.");
        break;
    case HOW_ONE_BLOCK:
    case HOW_TOO_LARGE:
        advise_large(v);
        break;
    case HOW_CGROUP_KILL:
    case HOW_HOST_KILL:
    case HOW_KERNEL_KILL:
    case HOW_OOM_KILLED:
    case HOW_OOM_DAEMON:
        advise_cgroup(v);
        break;
    case HOW_KILLED:
        verdict_advise(v, NULL, command("journalctl -k -o short-iso | memwhy oom -"),
                       "Ask the kernel's log of the machine, which a container does not see.");
        break;
    case HOW_SYSTEM:
        advise_system(v);
        break;
    case HOW_STACK:
        verdict_advise(v, NULL, NULL,
                       "Look for the frames that repeat in the stack: that function calls itself "
                       "without end, or deeper than some 10,000 calls.");
        break;
    case HOW_ABORTED:
        verdict_advise(v, NULL, command("memwhy bt CORE"),
                       "Keep standard error beside standard output: V8 says there why it aborts. "
                       "If a core was "
                       "kept, it shows the stacks, and `memwhy suspects CORE` the heap.");
        break;
    case HOW_ALIVE:
        if (v->has_trend && v->trend.mib_per_min > 0 && v->trend.fits > 0.6)
            verdict_advise(v, NULL, command("memwhy growth PID --for 60s"),
                           "What it is that grows.");
        break;
    default:
        break;
    }
}
