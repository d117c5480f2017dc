#include "crashlog/verdict.h"

#include "base/fmt.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double YOUNG_MIB = 64; /* what may live in the young generation, by default */
static const double NEAR =
    0.8; /* live data above this part of the limit: CAUSES' near-heap-limit */

static const char *const hows[] = {[HOW_HEAP_LIMIT] = "heap-limit",
                                   [HOW_ONE_BLOCK] = "one-block",
                                   [HOW_TOO_LARGE] = "too-large",
                                   [HOW_WORKER_LIMIT] = "worker-limit",
                                   [HOW_SYSTEM] = "system-memory",
                                   [HOW_CGROUP_KILL] = "cgroup-kill",
                                   [HOW_HOST_KILL] = "host-kill",
                                   [HOW_KERNEL_KILL] = "kernel-kill",
                                   [HOW_OOM_DAEMON] = "oom-daemon",
                                   [HOW_OOM_KILLED] = "oom-killed",
                                   [HOW_KILLED] = "killed",
                                   [HOW_ABORTED] = "aborted",
                                   [HOW_STACK] = "stack-overflow",
                                   [HOW_OTHER] = "other-fatal-error",
                                   [HOW_ALIVE] = "alive"};

const char *verdict_how_name(enum verdict_how how) {
    return hows[how];
}

/* --- putting it together --- */

static char *format(const char *text, va_list ap) {
    char *s;
    if (vasprintf(&s, text, ap) < 0)
        s = mem_strdup(text);
    return s;
}

void verdict_cite(struct verdict *v, uint64_t line, const char *text, ...) {
    va_list ap;
    va_start(ap, text);
    vec_push(&v->cites, (struct verdict_cite){line, format(text, ap)});
    va_end(ap);
}

void verdict_unknown(struct verdict *v, const char *text, ...) {
    va_list ap;
    va_start(ap, text);
    vec_push(&v->unknown, format(text, ap));
    va_end(ap);
}

void verdict_advise(struct verdict *v, const char *class, char *command, const char *text, ...) {
    va_list ap;
    va_start(ap, text);
    vec_push(&v->advices, (struct verdict_advice){class, format(text, ap), command});
    va_end(ap);
}

static void say(struct verdict *v, const char *text, ...) __attribute__((format(printf, 2, 3)));
static void say(struct verdict *v, const char *text, ...) {
    va_list ap;
    va_start(ap, text);
    free(v->sentence);
    v->sentence = format(text, ap);
    va_end(ap);
    if (!strncmp(v->sentence, "a process", 9) || !strncmp(v->sentence, "process ", 8))
        v->sentence[0] = v->sentence[0] == 'a' ? 'A' : 'P';
}

static char *mib(char buf[FMT_MAX], double value) {
    return fmt_bytes(buf, value > 0 && value < 1e12 ? (uint64_t)(value * 1048576) : 0);
}

static char *ms(char buf[FMT_MAX], double value) {
    return fmt_duration(buf, value > 0 && value < 1e13 ? (uint64_t)(value * 1e6) : 0);
}

/* "pid 4711 of web_1": as much as the log says. */
static char *who(const struct crashlog *c, int stream, uint64_t pid) {
    const struct crash_stream *s =
        stream >= 0 && (size_t)stream < c->streams.n ? &c->streams.at[stream] : NULL;
    const char *label = s ? s->label : "";
    if (!pid && s)
        pid = s->pid;
    if (*label && pid && !(s && s->pid == pid))
        return mem_printf("%s (pid %llu)", label, (unsigned long long)pid);
    if (*label)
        return mem_printf("%s", label);
    if (pid)
        return mem_printf("process %llu", (unsigned long long)pid);
    return mem_strdup("a process");
}

/* --- the heap --- */

static const char *kind_of(const struct verdict *v) {
    return v->death && v->death->doing.kind ? v->death->doing.kind : "";
}

/* One large block was wanted, by the stack or, in builds without names, by V8's order: since it has
 * "mu", ordinary objects end in other words. */
static bool one_block(const struct verdict *v) {
    const struct crash_process *p = v->process;
    if (kind_of(v)[0] || !p || !p->recents)
        return v->death->doing.one_block;
    const struct gc_line *g = &crash_recent(p, crash_recent_count(p) - 1)->gc;
    return g->has_mu && g->last_resort && strstr(v->death->message, "CALL_AND_RETRY_LAST");
}

static void learn_shares(struct verdict *v, const struct crash_process *p) {
    double span = p->last_ms - p->first_ms + p->first_pause_ms;
    double recent = 0, from = 0;
    size_t n = crash_recent_count(p);
    if (p->recents > 1 && span > 0) {
        v->has_share = true;
        v->gc_share = fmin(1, (p->paused_ms + p->steps_ms) / span);
    }
    for (size_t i = 0; i < n; i++)
        recent += crash_recent(p, i)->gc.pause_ms + crash_recent(p, i)->gc.steps_ms;
    if (n > 1) {
        const struct gc_line *first = &crash_recent(p, 0)->gc;
        from = first->ms - first->pause_ms - first->steps_ms;
        v->has_recent_share = p->last_ms > from;
        v->recent_gc_share = v->has_recent_share ? fmin(1, recent / (p->last_ms - from)) : 0;
    }
}

static void learn_sizes(struct verdict *v, const struct crash_process *p) {
    const struct gc_line *g = &crash_recent(p, crash_recent_count(p) - 1)->gc;
    const struct gc_line *full = p->full ? &p->last_full : g;
    v->has_live = full->has_after || g->before > 0;
    v->live_mib = full->has_after ? full->after : g->before;
    v->total_mib = full->has_after_total ? full->after_total : 0;
    v->has_trend = series_trend(&p->live, &v->trend);
    v->has_above =
        p->live.n > 2 && series_above_since(&p->live, NEAR * v->live_mib, &v->above_since_ms);
}

/* A flag counts unless the heap outgrew it: then it is another process's. */
static void learn_limit(const struct crashlog *c, struct verdict *v, int stream) {
    const struct crash_stream *s =
        stream >= 0 && (size_t)stream < c->streams.n ? &c->streams.at[stream] : NULL;
    uint64_t flag = s && s->flag_old_mib ? s->flag_old_mib : c->flag_old_mib;
    uint64_t line = s && s->flag_old_mib ? s->flag_line : c->flag_line;
    if (flag && (!v->has_live || v->live_mib < (double)flag * 1.1 + YOUNG_MIB)) {
        v->limit_from = LIMIT_FLAG;
        v->limit_mib = (double)flag;
        v->limit_line = line;
    }
}

/* "Ineffective mark-compacts near heap limit" is said after four full collections in a row that
 * left the old generation above 80 % of its limit and the program under 40 % of the time
 * (Heap::CheckIneffectiveMarkCompact, V8 6.8 to 14.6): the limit is in a range.
 * Where V8 gave up for want of an ordinary object, it stood at its limit: some 2 % below or, by the
 * young generation, above it. Of a small heap that is too much to tell, and a snapshot taken near
 * the limit raises it. */
static void guess_limit(const struct crashlog *c, struct verdict *v) {
    static const double usual[] = {512,  768,  1000, 1024, 1400, 1536, 2000, 2048,  3000,  3072,
                                   4000, 4096, 5120, 6000, 6144, 8000, 8192, 10240, 12288, 16384};
    static const double least = 200;
    const struct crash_process *p = v->process;
    if (!v->has_live || c->snapshot_line)
        return;
    if (strstr(v->death->message, "Ineffective")) {
        v->limit_from = LIMIT_GUESSED;
        v->limit_mib = v->live_mib > least ? v->live_mib - YOUNG_MIB : 0;
        v->limit_most_mib = v->live_mib / NEAR;
        return;
    }
    if (v->live_mib < least)
        return;
    for (size_t i = 0; i < crash_recent_count(p); i++)
        if (crash_recent(p, i)->gc.last_resort && strcmp(kind_of(v), "small-object") != 0)
            return; /* for one large block, perhaps far below the limit */
    v->limit_from = LIMIT_GUESSED;
    v->limit_mib = round(v->live_mib);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (v->live_mib > usual[i] * 0.97 && v->live_mib < usual[i] * 1.02 &&
            fabs(usual[i] - v->live_mib) < fabs(v->limit_mib - v->live_mib) + usual[i] * 0.03)
            v->limit_mib = usual[i];
}

static void cite_recent(struct verdict *v, const struct crash_process *p) {
    char live[FMT_MAX], total[FMT_MAX], span[FMT_MAX];
    size_t n = crash_recent_count(p);
    const struct crash_gc *last = crash_recent(p, n - 1);
    if (p->full && p->last_full.has_after)
        verdict_cite(v, p->last_full_line, "after the last full collection %s lived%s%s%s",
                     mib(live, v->live_mib), v->total_mib > 0 ? ", in " : "",
                     v->total_mib > 0 ? mib(total, v->total_mib) : "",
                     v->total_mib > 0 ? " of heap" : "");
    else
        verdict_cite(v, last->line, "%s on the heap; no full collection is in the log",
                     mib(live, v->live_mib));
    if (v->has_recent_share)
        verdict_cite(
            v, last->line, "the last %zu collections took %.0f %% of their time, %s", n,
            v->recent_gc_share * 100,
            ms(span, p->last_ms - crash_recent(p, 0)->gc.ms + crash_recent(p, 0)->gc.pause_ms));
    if (last->gc.has_mu)
        verdict_cite(v, last->line,
                     "V8's own measure: %.1f %% of the time was the program's (current mu = %.3f, "
                     "average %.3f)",
                     last->gc.current_mu * 100, last->gc.current_mu, last->gc.average_mu);
}

static void cite_series(struct verdict *v, const struct crash_process *p) {
    char a[FMT_MAX], b[FMT_MAX], d[FMT_MAX];
    if (p->live.n > 2)
        verdict_cite(v, 0,
                     "%llu full and %llu young collections in %s; together %.1f %% of the time",
                     (unsigned long long)p->full, (unsigned long long)p->young,
                     ms(d, p->last_ms - p->first_ms), v->gc_share * 100);
    bool brief = v->has_trend && v->trend.to_ms - v->trend.from_ms < 60000;
    if (v->has_trend)
        verdict_cite(v, 0,
                     "live after full collections: %s to %s in %s, %+.2f MiB/%s (r2 %.2f of %zu)",
                     mib(a, v->trend.from_mib), mib(b, v->trend.to_mib),
                     ms(d, v->trend.to_ms - v->trend.from_ms),
                     brief ? v->trend.mib_per_min / 60 : v->trend.mib_per_min, brief ? "s" : "min",
                     v->trend.fits, v->trend.points);
    if (v->has_above && v->death && p->last_ms > v->above_since_ms)
        verdict_cite(v, 0, "it had held over 80 %% of that for %s",
                     ms(d, p->last_ms - v->above_since_ms));
}

void verdict_heap(const struct crashlog *c, struct verdict *v) {
    const struct crash_process *p = v->process;
    char up[FMT_MAX];
    int stream = v->death ? v->death->stream : p ? p->stream : CRASH_NONE;
    if (p && p->recents) {
        learn_sizes(v, p);
        learn_shares(v, p);
    }
    learn_limit(c, v, stream);
    if (!p || !p->recents)
        return;
    cite_recent(v, p);
    cite_series(v, p);
    verdict_cite(v, p->last_line, "the isolate had run for %s", ms(up, p->last_ms));
}

/* --- deaths that V8 tells --- */

static const char *limit_words(char buf[128], const struct verdict *v) {
    char m[FMT_MAX];
    switch (v->limit_from) {
    case LIMIT_FLAG:
        snprintf(buf, 128, ", with --max-old-space-size=%.0f (line %llu)", v->limit_mib,
                 (unsigned long long)v->limit_line);
        break;
    case LIMIT_REPORT:
        snprintf(buf, 128, ", of a limit of %s", mib(m, v->limit_mib));
        break;
    case LIMIT_GUESSED:
        if (v->limit_most_mib > 0 && !(v->limit_mib > 0))
            snprintf(buf, 128, ", so that the limit was at most %.0f MiB", v->limit_most_mib);
        else if (v->limit_most_mib > 0)
            snprintf(buf, 128, ", so that the limit was between %.0f and %.0f MiB", v->limit_mib,
                     v->limit_most_mib);
        else
            snprintf(buf, 128, ", so that the limit was about %.0f MiB", v->limit_mib);
        break;
    default:
        buf[0] = '\0';
    }
    return buf;
}

static void say_heap_limit(struct verdict *v, bool block) {
    char live[FMT_MAX], limit[128];
    const struct stack_doing *doing = &v->death->doing;
    const char *as = block && doing->one_block ? doing->what : NULL;
    if (v->has_live)
        say(v,
            "%s died of its heap limit: %s lived on the JavaScript heap after the last "
            "collection%s, "
            "and V8 could free no more%s%s%s.",
            v->who, mib(live, v->live_mib), limit_words(limit, v),
            block ? "; what did not fit was one block" : "", as ? ", as " : "", as ? as : "");
    else
        say(v, "%s died of its heap limit: V8 could free no more of the JavaScript heap%s%s%s.",
            v->who, limit_words(limit, v), as ? ", as " : "", as ? as : "");
}

static void judge_heap_limit(const struct crashlog *c, struct verdict *v) {
    char live[FMT_MAX], room[FMT_MAX], limit[128];
    const struct stack_doing *doing = &v->death->doing;
    bool block = one_block(v);
    v->how = HOW_HEAP_LIMIT;
    v->cause = "near-heap-limit";
    v->confidence = "certain";
    if (v->has_live && v->limit_from == LIMIT_FLAG && v->live_mib < NEAR * v->limit_mib) {
        v->how = HOW_ONE_BLOCK;
        v->cause = "large-object";
        v->confidence = "likely";
        say(v,
            "%s died for one block that did not fit below its heap limit: %s lived on the "
            "JavaScript "
            "heap%s, and the %s left were not enough%s%s.",
            v->who, mib(live, v->live_mib), limit_words(limit, v),
            mib(room, v->limit_mib - v->live_mib), doing->one_block ? ", as " : "",
            doing->one_block ? doing->what : "");
        return;
    }
    v->also = block ? "large-object" : NULL;
    if (v->limit_from == LIMIT_UNKNOWN && !block && v->process)
        guess_limit(c, v);
    if (strstr(v->death->message, "Ineffective"))
        verdict_cite(v, v->death->line,
                     "that means: four full collections in a row left it above 80 %% of its limit, "
                     "and the program under 40 %% of the time");
    say_heap_limit(v, block);
    if (v->limit_from == LIMIT_UNKNOWN)
        verdict_unknown(
            v, "The heap limit in force: no line tells --max-old-space-size, and where the "
               "heap stood does not show it.");
    else if (v->limit_from == LIMIT_GUESSED)
        verdict_unknown(
            v, "The exact heap limit: no line tells it; it is worked out from where the heap "
               "stood.");
}

static void judge_system(struct verdict *v) {
    char live[FMT_MAX];
    v->how = HOW_SYSTEM;
    v->confidence = "certain";
    say(v,
        "%s died because the system gave it no memory%s%s%s: not of its heap limit, but of a full "
        "machine or container, of a ulimit, or of too many mappings.",
        v->who, v->has_live ? ", with only " : "", v->has_live ? mib(live, v->live_mib) : "",
        v->has_live ? " on the JavaScript heap" : "");
    verdict_unknown(v, "Which limit of the system it was: the kernel's log, `ulimit -v`, the "
                       "container's limit and vm.max_map_count would say.");
}

/* V8 could not move an object: the heap is at its limit, or the system refused a page. Near the
 * limit V8 collects the whole heap again and again and the program gets little of the time. */
static void judge_either(const struct crashlog *c, struct verdict *v) {
    bool busy = false, known = false;
    if (v->process && v->process->recents) {
        size_t n = crash_recent_count(v->process);
        const struct gc_line *last = &crash_recent(v->process, n - 1)->gc;
        known = last->has_mu;
        busy = last->has_mu ? last->current_mu < 0.6 : last->full;
    }
    bool room = v->limit_from == LIMIT_FLAG && v->has_live && v->live_mib < 0.7 * v->limit_mib;
    if (room || (known && !busy)) {
        judge_system(v);
        v->confidence = "likely";
        return;
    }
    judge_heap_limit(c, v);
    v->confidence = busy ? "likely" : "possible";
    if (!busy)
        verdict_unknown(v,
                        "Whether the heap was at its limit, or the system refused V8 a page: both "
                        "end in these words.");
}

static const char *too_large_what(const struct crash_death *d) {
    switch (d->fatal) {
    case FATAL_STRING:
        return "a string longer than V8's longest, some 512 million characters";
    case FATAL_ARRAY:
        return "an array of a length that cannot be";
    case FATAL_COLLECTION:
        return "a Map or Set with more than the 16.7 million entries one can have";
    case FATAL_BUFFER:
        return "a Buffer larger than Node can make";
    default:
        return strstr(d->message, "table") ? "a table (a Map, a Set, or an object with very many "
                                             "properties) larger than V8 can make"
                                           : "an array larger than V8 can make";
    }
}

static void judge_too_large(struct verdict *v) {
    const struct crash_death *d = v->death;
    v->how = HOW_TOO_LARGE;
    v->cause = d->fatal == FATAL_COLLECTION ? "collection-leak" : "large-object";
    v->confidence = d->throws ? "likely" : "certain";
    say(v, "%s %s %s: no heap limit would have been enough.", v->who,
        !d->throws    ? "died of asking for"
        : d->uncaught ? "died of an exception nobody caught, for"
                      : "threw an exception for",
        too_large_what(d));
    if (d->fatal == FATAL_ARRAY)
        verdict_unknown(v, "Whether the length was really large: a negative or broken number gives "
                           "the same words.");
}

static void judge_worker(struct verdict *v) {
    v->how = HOW_WORKER_LIMIT;
    v->cause = "near-heap-limit";
    v->confidence = "certain";
    v->in_worker = true;
    say(v, "A worker of %s died of its own heap limit%s.", v->who,
        v->death->uncaught
            ? ", and the whole process with it: nobody listened to the worker's 'error'"
            : ": resourceLimits, or the default of workers");
    if (!v->death->uncaught)
        verdict_unknown(v, "Whether the process lived on: the log does not say what became of the "
                           "worker's 'error'.");
    verdict_unknown(v, "Which worker, and which limit: Node says neither. The default follows "
                       "--max-old-space-size from Node 14 on.");
}

static void judge_other(struct verdict *v) {
    const struct crash_death *d = v->death;
    v->confidence = "certain";
    if (d->fatal == FATAL_STACK) {
        v->how = HOW_STACK;
        say(v, "%s %s too deep a recursion: its stack was full, which is no matter of the heap.",
            v->who, d->uncaught ? "died of" : "threw an exception for");
    } else if (d->fatal == FATAL_REGEXP) {
        v->how = HOW_STACK;
        say(v,
            "%s died compiling a regular expression: too large a one, or with the stack nearly "
            "full; memory was not what was missing.",
            v->who);
    } else {
        v->how = HOW_OTHER;
        say(v, "%s died of a fatal error that does not speak of memory.", v->who);
        verdict_unknown(v, "What led to it: an allocation that failed earlier can end so, too.");
    }
}

static void judge_no_memory(struct verdict *v) {
    const struct crash_death *d = v->death;
    if (!d->throws) {
        judge_system(v);
        return;
    }
    v->how = HOW_SYSTEM;
    v->confidence = "certain";
    say(v, "%s %s: the system gave no memory for %s.", v->who,
        d->uncaught ? "died of an exception nobody caught" : "threw an exception",
        d->fatal == FATAL_BUFFER_MEMORY ? "a Buffer or ArrayBuffer, which lies outside the heap"
                                        : "it");
    verdict_unknown(
        v, "How much was asked for, and which limit of the system it was: the kernel's log, "
           "`ulimit -v` and the container's limit would say.");
}

static void judge_fatal(const struct crashlog *c, struct verdict *v) {
    switch (v->death->fatal) {
    case FATAL_HEAP_LIMIT:
        judge_heap_limit(c, v);
        break;
    case FATAL_HEAP_OR_SYSTEM:
        judge_either(c, v);
        break;
    case FATAL_TOO_LARGE:
    case FATAL_STRING:
    case FATAL_ARRAY:
    case FATAL_COLLECTION:
    case FATAL_BUFFER:
        judge_too_large(v);
        break;
    case FATAL_WORKER:
        judge_worker(v);
        break;
    case FATAL_SYSTEM:
    case FATAL_SYSTEM_CALL:
    case FATAL_BUFFER_MEMORY:
        judge_no_memory(v);
        break;
    default:
        judge_other(v);
        break;
    }
}

static void judge_exit(struct verdict *v) {
    static const char kernel[] =
        "The kernel's log of that moment (dmesg, journalctl -k) says whether "
        "it was memory, and whose.";
    v->confidence = "possible";
    switch (v->death->exit) {
    case EXIT_OOM_KILLED:
        v->how = HOW_OOM_KILLED;
        v->confidence = "certain";
        say(v, "%s was killed because its container was at its memory limit.", v->who);
        verdict_unknown(
            v, "What the memory was: neither the kernel's lines nor Node's are in the log. "
               "What a limit of V8 ends says FATAL ERROR, so it was not that.");
        break;
    case EXIT_OOMD:
        v->how = HOW_OOM_DAEMON;
        v->confidence = "certain";
        say(v,
            "A daemon that watches memory (systemd-oomd, earlyoom) killed what this line names.");
        verdict_unknown(v, "What the memory was.");
        break;
    case EXIT_ABORT:
        v->how = HOW_ABORTED;
        say(v, "%s aborted (SIGABRT, exit code 134); why is not in the log.", v->who);
        verdict_unknown(v,
                        "V8 aborts so at its heap limit, after \"FATAL ERROR:\" on standard error: "
                        "that is not in this log.");
        break;
    default:
        v->how = HOW_KILLED;
        say(v, "%s was killed from outside (SIGKILL, exit code 137); by whom is not in the log.",
            v->who);
        verdict_unknown(v,
                        "%s Without it: the kernel for want of memory, a supervisor after a "
                        "time-out, or a person; the exit code is the same.",
                        kernel);
    }
}

/* --- one verdict --- */

static void cite_death(struct verdict *v) {
    const struct crash_death *d = v->death;
    verdict_cite(v, d->line, "%s%s", d->message, d->times > 1 ? " (said more than once)" : "");
    if (d->doing.what)
        verdict_cite(v, d->doing.line, "native stack: %s", d->doing.what);
    if (d->js_frame[0])
        verdict_cite(v, d->js_line, "JavaScript stack: %s", d->js_frame);
    if (d->exit_line)
        verdict_cite(v, d->exit_line, "the same end, as others saw it");
}

static void learn_version(const struct crashlog *c, struct verdict *v, int stream) {
    const char *version =
        stream >= 0 && (size_t)stream < c->streams.n ? c->streams.at[stream].node_version : "";
    snprintf(v->node_version, sizeof v->node_version, "%s", *version ? version : c->node_version);
}

static void make_death(const struct crashlog *c, const struct crash_death *d, struct verdict *v) {
    *v = (struct verdict){.death = d, .line = d->line};
    v->process = d->process == CRASH_NONE ? NULL : &c->processes.at[d->process];
    v->kill = d->kill == CRASH_NONE ? NULL : &c->kills.at[d->kill];
    v->who = who(c, d->stream, v->process ? v->process->pid : 0);
    learn_version(c, v, d->stream);
    if (d->of == DEATH_KERNEL) {
        verdict_kernel(c, v);
        verdict_advices(v);
        return;
    }
    cite_death(v);
    verdict_heap(c, v);
    if (d->of == DEATH_EXIT)
        judge_exit(v);
    else
        judge_fatal(c, v);
    if (v->how == HOW_HEAP_LIMIT || v->how == HOW_WORKER_LIMIT)
        verdict_unknown(v, "What fills the heap: such a log has sizes, no objects.");
    if (c->snapshot_line && v->how == HOW_HEAP_LIMIT)
        verdict_cite(v, c->snapshot_line, "a heap snapshot was written: `memwhy open` reads it");
    verdict_advices(v);
}

static void make_living(const struct crashlog *c, const struct crash_process *p,
                        struct verdict *v) {
    char live[FMT_MAX], left[FMT_MAX];
    *v = (struct verdict){.how = HOW_ALIVE, .process = p, .line = p->last_line};
    v->who = who(c, p->stream, p->pid);
    v->confidence = "certain";
    learn_version(c, v, p->stream);
    verdict_heap(c, v);
    const struct trend *t = v->has_trend ? &v->trend : NULL;
    /* more than a tenth of it in the time seen, along a line */
    bool grows = t && t->fits > 0.6 && t->to_mib - t->from_mib > 0.1 * t->to_mib;
    if (grows)
        say(v,
            "Nothing died: %s collects, and what lives on its heap grows by %.2f MiB a minute, to "
            "%s.",
            v->who, t->mib_per_min, mib(live, v->live_mib));
    else if (p->full)
        say(v, "Nothing died: %s collects, with %s alive after the last full collection.", v->who,
            mib(live, v->live_mib));
    else
        say(v, "Nothing died: %s made young collections only, with %s on its heap.", v->who,
            mib(live, v->live_mib));
    if (grows && v->limit_from == LIMIT_FLAG && v->limit_mib > v->live_mib)
        verdict_cite(v, v->limit_line, "at this rate it reaches --max-old-space-size=%.0f in %s",
                     v->limit_mib, ms(left, (v->limit_mib - v->live_mib) / t->mib_per_min * 60000));
    v->cause = grows ? NULL : t && v->gc_share < 0.5 ? "seesaw" : NULL;
    if (v->cause)
        v->confidence = "possible";
    if (!t)
        verdict_unknown(v,
                        "Whether it grows: that takes four full collections, and the log has %llu.",
                        (unsigned long long)p->full);
    verdict_advices(v);
}

/* --- all of them --- */

/* The smallest number of lines between: what died last is what one asks about, so order by line. */
static int by_line(const void *a, const void *b) {
    const struct verdict *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line;
}

void verdicts_make(const struct crashlog *c, struct verdicts *ret) {
    *ret = (struct verdicts){0};
    struct verdict v;
    if (c->report) {
        v = (struct verdict){0};
        verdict_report(c, &v);
        ret->died = v.how != HOW_ALIVE;
        vec_push(&ret->list, v);
    }
    for (size_t i = 0; i < c->deaths.n; i++) {
        make_death(c, &c->deaths.at[i], &v);
        vec_push(&ret->list, v);
        ret->died = true;
    }
    for (size_t i = 0; !ret->died && i < c->processes.n; i++) {
        if (!c->processes.at[i].recents)
            continue;
        make_living(c, &c->processes.at[i], &v);
        vec_push(&ret->list, v);
    }
    vec_sort(&ret->list, by_line);
}

void verdicts_done(struct verdicts *all) {
    for (size_t i = 0; i < all->list.n; i++) {
        struct verdict *v = &all->list.at[i];
        for (size_t j = 0; j < v->cites.n; j++)
            free(v->cites.at[j].text);
        for (size_t j = 0; j < v->advices.n; j++) {
            free(v->advices.at[j].text);
            free(v->advices.at[j].command);
        }
        for (size_t j = 0; j < v->unknown.n; j++)
            free(v->unknown.at[j]);
        vec_free(&v->cites);
        vec_free(&v->advices);
        vec_free(&v->unknown);
        free(v->who);
        free(v->sentence);
    }
    vec_free(&all->list);
    all->died = false;
}
