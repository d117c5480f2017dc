#include "crashlog/crashlog.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/map64.h"
#include "crashlog/lines.h"
#include "crashlog/needles.h"
#include "crashlog/scan.h"
#include "heapfile/input.h"
#include <errno.h>
#include <stdio.h>

enum {
    STACK_LINES = 80,     /* a stack is not longer */
    BLOCK_LINES = 120,    /* from "Last few GCs" to FATAL ERROR */
    CARET_LINES = 40,     /* to the exception that it belongs to, with what others write between */
    KERNEL_LINES = 20000, /* its report has a line for each process of the machine */
};

/* A line without one of these is nothing to us, unless it follows one that has. */
static const char *const words[] = {" ms: ",
                                    "FATAL ERROR",
                                    "Fatal process",
                                    "Fatal J",
                                    "Fatal j",
                                    "OOM error",
                                    "<--- ",
                                    "RangeError",
                                    "OUT_OF_MEM",
                                    "STRING_TOO",
                                    "TOO_LARGE",
                                    "ALLOCATION_FAILED",
                                    "longer than 0x",
                                    "larger than 0x",
                                    "bad_alloc",
                                    "ENOMEM",
                                    "invoked oom-",
                                    "oom-kill",
                                    "Killed",
                                    "OOMKilled",
                                    "OOM killer",
                                    "oomd",
                                    "earlyoom",
                                    "sending SIG",
                                    "SIGKILL",
                                    "SIGABRT",
                                    "signal: killed",
                                    "Aborted (",
                                    " 137",
                                    ":137",
                                    "=137",
                                    "(137",
                                    " 134",
                                    ":134",
                                    "=134",
                                    "/KILL",
                                    "/ABRT",
                                    "old-space-size",
                                    "old_space_size",

                                    "Node.js v",
                                    "memory: usage",
                                    "Memory cgroup",
                                    "killed as a result",
                                    "oom_score_adj",
                                    "Wrote snapshot",
                                    "heapsnapshot to",
                                    "could not allocate",
                                    "reaching memory limit",
                                    "Maximum call",
                                    "maximum size exc",
                                    "Array buffer",
                                    NULL};

struct reader {
    struct crashlog *c;
    struct needles *needles;
    struct map64 by_label; /* hash of the label to the stream + 1 */
    uint64_t watch_until;  /* the furthest of all streams */
    int last_stream;       /* of the line before; CRASH_NONE */
    struct lines lines;
};

/* --- streams and processes --- */

static int stream_of(struct reader *r, const struct prefix *p, bool make) {
    struct crashlog *c = r->c;
    uint64_t key = hash_add(1, p->label, strlen(p->label)) | 1, at;
    if (map64_get(&r->by_label, key, &at))
        return (int)at - 1;
    if (!make)
        return CRASH_NONE;
    if (c->streams.n >= LIMIT_LOG_STREAMS) {
        c->mixed_labels = true;
        return 0;
    }
    vec_push(&c->streams,
             (struct crash_stream){
                 .pid = p->pid, .process = CRASH_NONE, .death = CRASH_NONE, .kill = CRASH_NONE});
    snprintf(c->streams.at[c->streams.n - 1].label, PREFIX_LABEL, "%s", p->label);
    map64_put(&r->by_label, key, c->streams.n);
    return (int)c->streams.n - 1;
}

static void watch(struct reader *r, struct crash_stream *s, uint64_t lines) {
    uint64_t until = r->lines.number + lines;
    if (s->watch_until < until)
        s->watch_until = until;
    if (r->watch_until < until)
        r->watch_until = until;
}

/* Room for one more: that which was quiet longest and did not die is forgotten. */
static int make_process(struct crashlog *c) {
    if (c->processes.n < LIMIT_LOG_PROCESSES) {
        vec_push(&c->processes, (struct crash_process){0});
        return (int)c->processes.n - 1;
    }
    int oldest = CRASH_NONE;
    for (size_t i = 0; i < c->processes.n; i++)
        if (!c->processes.at[i].died &&
            (oldest == CRASH_NONE || c->processes.at[i].seen < c->processes.at[oldest].seen))
            oldest = (int)i;
    c->forgotten++;
    if (oldest == CRASH_NONE)
        return CRASH_NONE;
    for (size_t i = 0; i < c->streams.n; i++)
        if (c->streams.at[i].process == oldest)
            c->streams.at[i].process = CRASH_NONE;
    series_done(&c->processes.at[oldest].live);
    c->processes.at[oldest] = (struct crash_process){0};
    return oldest;
}

/* The same isolate, and its clock went on. */
static bool continues(const struct crash_process *p, int stream, const struct gc_line *g) {
    enum { BACK_MS = 2000 };
    return p->stream == stream && p->pid == g->pid && p->isolate == g->isolate && !p->died &&
           (p->in_block || g->ms + BACK_MS >= p->last_ms);
}

static int process_of(struct reader *r, int stream, const struct gc_line *g) {
    struct crashlog *c = r->c;
    int last = c->streams.at[stream].process;
    if (last != CRASH_NONE && continues(&c->processes.at[last], stream, g))
        return last;
    for (size_t i = c->processes.n; i-- > 0;)
        if (continues(&c->processes.at[i], stream, g))
            return (int)i;
    int at = make_process(c);
    if (at != CRASH_NONE)
        c->processes.at[at] = (struct crash_process){.stream = stream,
                                                     .pid = g->pid,
                                                     .isolate = g->isolate,
                                                     .first_line = r->lines.number,
                                                     .first_ms = g->ms,
                                                     .first_pause_ms = g->pause_ms + g->steps_ms,
                                                     .last_ms = -1};
    return at;
}

static void add_gc(struct reader *r, int stream, const struct gc_line *g) {
    struct crashlog *c = r->c;
    int at = process_of(r, stream, g);
    if (at == CRASH_NONE)
        return;
    struct crash_stream *s = &c->streams.at[stream];
    struct crash_process *p = &c->processes.at[at];
    s->process = at;
    p->in_block |= s->block_line != 0;
    p->seen = r->lines.number;
    if (g->ms <= p->last_ms && p->in_block) /* --trace-gc had shown it */
        return;
    p->last_line = r->lines.number;
    p->last_ms = g->ms;
    p->recent[p->recents++ % CRASH_RECENT] = (struct crash_gc){r->lines.number, *g};
    p->paused_ms += g->pause_ms;
    p->steps_ms += g->steps_ms;
    if (g->full)
        p->full++;
    else
        p->young++;
    if (g->full && g->has_after) {
        series_add(&p->live, g->ms, g->after);
        p->last_full = *g;
        p->last_full_line = r->lines.number;
    }
}

size_t crash_recent_count(const struct crash_process *p) {
    return p->recents < CRASH_RECENT ? (size_t)p->recents : CRASH_RECENT;
}

const struct crash_gc *crash_recent(const struct crash_process *p, size_t i) {
    return &p->recent[(p->recents - crash_recent_count(p) + i) % CRASH_RECENT];
}

/* --- deaths --- */

static struct crash_death *add_death(struct reader *r, int stream, enum death_of of) {
    struct crashlog *c = r->c;
    struct crash_stream *s = &c->streams.at[stream];
    if (c->deaths.n >= LIMIT_LOG_DEATHS) {
        c->more_deaths++;
        return NULL;
    }
    vec_push(&c->deaths, (struct crash_death){.of = of,
                                              .stream = stream,
                                              .process = CRASH_NONE,
                                              .kill = CRASH_NONE,
                                              .line = r->lines.number,
                                              .times = 1});
    s->death = (int)c->deaths.n - 1;
    s->death_until = r->lines.number + STACK_LINES;
    watch(r, s, STACK_LINES);
    return &c->deaths.at[c->deaths.n - 1];
}

/* The process whose "Last few GCs" came first and that has not died, or the last that collected. */
static int dying_process(struct crashlog *c, int stream) {
    for (size_t i = 0; i < c->processes.n; i++)
        if (c->processes.at[i].stream == stream && c->processes.at[i].in_block &&
            !c->processes.at[i].died)
            return (int)i;
    int last = c->streams.at[stream].process;
    return last != CRASH_NONE && !c->processes.at[last].died ? last : CRASH_NONE;
}

static bool said_before(const struct crashlog *c, const struct crash_stream *s,
                        const struct fatal *f) {
    if (s->death == CRASH_NONE || s->block_line)
        return false;
    const struct crash_death *d = &c->deaths.at[s->death];
    return d->of == DEATH_FATAL && d->fatal == f->kind && d->throws == f->throws &&
           (f->throws || !strncmp(d->message, f->text, strcspn(f->text, "-")));
}

/* A message ends where the log was folded into one line. */
static void copy_message(char to[CRASH_MESSAGE], const char *text) {
    static const char *const ends[] = {"out of memory", "promotion failed", NULL};
    snprintf(to, CRASH_MESSAGE, "%s", text);
    for (size_t i = 0; ends[i]; i++) {
        char *end = strstr(to, ends[i]);
        if (end) {
            end[strlen(ends[i])] = '\0';
            return;
        }
    }
}

static void add_fatal(struct reader *r, int stream, const struct fatal *f) {
    struct crashlog *c = r->c;
    struct crash_stream *s = &c->streams.at[stream];
    if (said_before(c, s, f)) {
        struct crash_death *d = &c->deaths.at[s->death];
        d->times++;
        d->uncaught |= f->throws && strstr(f->text, "Uncaught");
        return;
    }
    struct crash_death *d = add_death(r, stream, DEATH_FATAL);
    if (!d)
        return;
    d->fatal = f->kind;
    d->throws = f->throws;
    d->uncaught = f->throws && (s->caret || strstr(f->text, "Uncaught"));
    copy_message(d->message, f->text);
    if (!f->throws) {
        d->process = dying_process(c, stream);
        if (d->process != CRASH_NONE)
            c->processes.at[d->process].died = true;
        snprintf(d->js_frame, sizeof d->js_frame, "%s", s->js_frame);
        d->js_line = s->js_line;
    }
    s->js_frame[0] = '\0';
    s->block_line = 0;
}

static void add_exit(struct reader *r, int stream, enum exit_kind kind, const char *text) {
    struct crashlog *c = r->c;
    struct crash_stream *s = &c->streams.at[stream];
    if (s->death != CRASH_NONE && c->deaths.at[s->death].of == DEATH_EXIT &&
        r->lines.number - c->deaths.at[s->death].line < STACK_LINES) {
        struct crash_death *d = &c->deaths.at[s->death]; /* said in other words */
        d->times++;
        if (kind == EXIT_OOM_KILLED || kind == EXIT_OOMD) {
            d->exit = kind;
            d->line = r->lines.number;
            copy_message(d->message, text);
        }
        return;
    }
    struct crash_death *d = add_death(r, stream, DEATH_EXIT);
    if (!d)
        return;
    d->exit = kind;
    scan_spaces(&text);
    copy_message(d->message, text);
}

/* --- one line --- */

/* The victim of the stream's report is named: that is a death. */
static void add_kernel_death(struct reader *r, int stream) {
    enum { REAPER_LINES = 8 };
    int kill = r->c->streams.at[stream].kill;
    struct crash_death *d = add_death(r, stream, DEATH_KERNEL);
    if (d)
        d->kill = kill;
    r->c->streams.at[stream].kill_until = r->lines.number + REAPER_LINES;
}

static bool take_kernel(struct reader *r, int stream, const char *text) {
    struct crashlog *c = r->c;
    struct crash_stream *s = &c->streams.at[stream];
    uint64_t number = r->lines.number;
    struct kernel_kill *k =
        s->kill != CRASH_NONE && number <= s->kill_until && !kernel_kill_begins(text)
            ? &c->kills.at[s->kill]
            : NULL;
    if (k && k->line && strstr(text, "Killed process "))
        k = NULL; /* another one, without a report of its own */
    if (k) {
        bool named = k->line != 0;
        bool took = kernel_kill_line(k, text, number);
        if (!named && k->line)
            add_kernel_death(r, stream);
        return took;
    }
    struct kernel_kill first = {0};
    if (!kernel_kill_opens(text) || !kernel_kill_line(&first, text, number) ||
        c->kills.n >= LIMIT_LOG_DEATHS)
        return false;
    vec_push(&c->kills, first);
    s->kill = (int)c->kills.n - 1;
    s->kill_until = number + KERNEL_LINES;
    watch(r, s, KERNEL_LINES);
    if (first.line)
        add_kernel_death(r, stream);
    return true;
}

static void take_version(struct reader *r, struct crash_stream *s, const char *text) {
    static const char *const before[] = {"Node.js v",    "/node/v", "node-v", "versions/node/v",
                                         "Cellar/node/", "nodejs/", "node@"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        const char *at = strstr(text, before[i]);
        size_t n = at ? strspn(at + strlen(before[i]), "0123456789.") : 0;
        if (n < 5 || n > 16)
            continue;
        snprintf(s->node_version, sizeof s->node_version, "%.*s", (int)n, at + strlen(before[i]));
        s->version_line = r->lines.number;
        snprintf(r->c->node_version, sizeof r->c->node_version, "%s", s->node_version);
        r->c->version_line = s->version_line;
        return;
    }
}

static void take_flags(struct reader *r, struct crash_stream *s, const char *text) {
    struct crashlog *c = r->c;
    uint64_t old = crash_flag_mib(text, "max-old-space-size");
    if (old) {
        s->flag_old_mib = c->flag_old_mib = old;
        s->flag_line = c->flag_line = r->lines.number;
    }
}

/* All the collections of the line: a log may be folded into one. */
static bool take_gcs(struct reader *r, int stream, const char *text) {
    struct gc_line g;
    bool any = false;
    while (gc_line_parse(text, &g, &text)) {
        add_gc(r, stream, &g);
        any = true;
    }
    return any;
}

static void take_stacks(struct reader *r, int stream, const char *text) {
    struct crashlog *c = r->c;
    struct crash_stream *s = &c->streams.at[stream];
    const char *at = text, *begin;
    struct crash_death *d =
        s->death == CRASH_NONE || r->lines.number > s->death_until ? NULL : &c->deaths.at[s->death];
    while (d && !d->throws && stack_native_frame(&at, &begin)) {
        const char *next = at, *unused;
        const char *end = stack_native_frame(&next, &unused) ? unused : at + strlen(at);
        char frame[400];
        snprintf(frame, sizeof frame, "%.*s", (int)(end - begin < 399 ? end - begin : 399), begin);
        stack_learn(&d->doing, frame, r->lines.number);
        take_version(r, s, frame);
    }
    char js[sizeof s->js_frame];
    if (s->block_line && !s->js_frame[0] && stack_js_frame(text, js, sizeof js)) {
        memcpy(s->js_frame, js, sizeof js);
        s->js_line = r->lines.number;
    }
}

static bool only_caret(const char *text) {
    scan_spaces(&text);
    return strspn(text, "^") == strlen(text) && *text;
}

static void take_block(struct reader *r, struct crash_stream *s, const char *text) {
    if (!strstr(text, "<--- Last few GCs"))
        return;
    s->block_line = r->lines.number;
    s->js_frame[0] = '\0';
    watch(r, s, BLOCK_LINES);
}

static void take_node_end(struct crashlog *c, struct crash_stream *s, const char *text) {
    if (strncmp(text, "Node.js v", 9) == 0 && s->death != CRASH_NONE &&
        c->deaths.at[s->death].throws)
        c->deaths.at[s->death].uncaught = true; /* it ends what Node says of such an exception */
}

static void take_line(struct reader *r, int stream, const char *text) {
    struct crashlog *c = r->c;
    struct crash_stream *s = &c->streams.at[stream];
    struct fatal f;
    if (only_caret(text)) {
        s->caret = true;
        watch(r, s, CARET_LINES);
        return;
    }
    if (!*text)
        return;
    take_block(r, s, text);
    bool gcs = take_gcs(r, stream, text);
    if (gcs && !strstr(text, "FATAL ERROR") && !strstr(text, "<---"))
        return; /* a million of these are no rarity */
    take_flags(r, s, text);
    take_node_end(c, s, text);
    take_version(r, s, text);
    if (strstr(text, "Wrote snapshot to") || strstr(text, "heapsnapshot to"))
        c->snapshot_line = r->lines.number;
    if (take_kernel(r, stream, text))
        return;
    if (fatal_parse(text, &f)) {
        if (s->block_line) { /* folded: the stack may stand before it */
            take_stacks(r, stream, text);
            s = &c->streams.at[stream];
        }
        add_fatal(r, stream, &f);
        s->caret = false;
        take_stacks(r, stream, f.text);
        return;
    }
    s->caret = false;
    take_stacks(r, stream, text);
    enum exit_kind exit = gcs ? EXIT_NONE : exit_parse(text);
    if (exit != EXIT_NONE)
        add_exit(r, stream, exit, text);
}

static bool ends_with_caret(const char *line, size_t n) {
    return n && (line[n - 1] == '^' || (line[n - 1] == '\r' && n > 1 && line[n - 2] == '^'));
}

static void look_at(struct reader *r, const char *line, size_t n) {
    struct prefix p;
    bool word = needles_find(r->needles, line, line + n) || ends_with_caret(line, n);
    if (!word && r->lines.number > r->watch_until)
        return;
    char *text = lines_clean(&r->lines, line, n);
    prefix_take(text, &p);
    /* the journal indents what the kernel wrote in one message, below its first line */
    bool indented = !p.label[0] && !strncmp(text, "          ", 10) && r->last_stream != CRASH_NONE;
    int stream = indented ? r->last_stream : stream_of(r, &p, word);
    r->last_stream = stream;
    if (stream == CRASH_NONE || (!word && r->lines.number > r->c->streams.at[stream].watch_until))
        return;
    take_line(r, stream, p.text);
}

/* --- the whole --- */

/* Reports of the kernel that the log does not have whole, but which say who it was. */
static void add_unfinished_kills(struct reader *r) {
    for (size_t i = 0; i < r->c->kills.n; i++) {
        struct kernel_kill *k = &r->c->kills.at[i];
        if (k->line || !k->pid || !r->c->streams.n)
            continue;
        struct crash_death *d = add_death(r, 0, DEATH_KERNEL);
        if (!d)
            return;
        d->kill = (int)i;
        d->line = k->line = k->first_line;
    }
}

/* What `exit` tells may be the end of `d`. */
static bool ends(const struct crash_death *d, enum exit_kind exit) {
    if (d->exit_line)
        return false;
    if (d->of == DEATH_KERNEL)
        return exit == EXIT_KILL || exit == EXIT_OOM_KILLED;
    return d->of == DEATH_FATAL && !d->throws && exit == EXIT_ABORT;
}

/* An exit code beside what explains it is no death of its own. */
static void join_exits(struct crashlog *c) {
    size_t kept = 0;
    for (size_t i = 0; i < c->deaths.n; i++) {
        struct crash_death *d = &c->deaths.at[i];
        bool joined = false;
        for (size_t j = 0; d->of == DEATH_EXIT && j < c->deaths.n && !joined; j++) {
            struct crash_death *other = &c->deaths.at[j];
            joined = other->of != DEATH_EXIT && ends(other, d->exit);
            if (joined)
                other->exit_line = d->line;
        }
        d->times = joined ? 0 : d->times;
    }
    for (size_t i = 0; i < c->deaths.n; i++)
        if (c->deaths.at[i].times)
            c->deaths.at[kept++] = c->deaths.at[i];
    c->deaths.n = kept;
}

/* A report is one JSON document, and read as one. */
static int read_report(struct input *in, const char *first, size_t n, struct crashlog *c,
                       struct err *e) {
    VEC(char) text = {0};
    int r = 0;
    while (r == 0 && n && text.n <= LIMIT_LOG_REPORT) {
        vec_reserve(&text, text.n + n);
        memcpy(text.at + text.n, first, n);
        text.n += n;
        r = input_next(in, &first, &n, e);
    }
    if (r == 0)
        r = crash_report_parse(text.at, text.n, &c->report, e);
    c->bytes = text.n;
    vec_free(&text);
    return r;
}

static int read_lines(struct reader *r, struct input *in, struct progress *p, struct err *e) {
    enum { BETWEEN = 1 << 14 };
    const char *line;
    size_t n;
    int got;
    while ((got = lines_next(&r->lines, &line, &n, e)) > 0) {
        look_at(r, line, n);
        if (r->lines.number % BETWEEN == 0)
            progress_say(p, "reading the log", input_file_read(in), input_file_bytes(in));
    }
    add_unfinished_kills(r);
    join_exits(r->c);
    r->c->lines = r->lines.number;
    r->c->bytes = r->lines.bytes;
    r->c->cut_lines = r->lines.cut;
    return got;
}

int crashlog_read(int fd, struct progress *p, struct crashlog *ret, struct err *e) {
    struct input *in;
    struct crashlog c = {0};
    const char *first;
    size_t n;
    int rc = input_open(fd, &in, e);
    if (rc < 0)
        return rc;
    rc = input_next(in, &first, &n, e);
    if (rc == 0 && n && crash_report_begins(first, n)) {
        rc = read_report(in, first, n, &c, e);
    } else if (rc == 0 && n) {
        struct reader r = {.c = &c, .needles = needles_new(words), .last_stream = CRASH_NONE};
        lines_init(&r.lines, in);
        r.lines.at = first;
        r.lines.end = first + n;
        r.lines.bytes = n;
        rc = read_lines(&r, in, p, e);
        lines_done(&r.lines);
        map64_done(&r.by_label);
        needles_free(r.needles);
    }
    input_close(in);
    if (rc == -E2BIG) /* what repeats itself packs well */
        err_set(e, rc, "Unpack it and give it to `memwhy oom -`.",
                "the file unpacks to over %u times its size", LIMIT_UNPACKED_RATIO);
    if (rc < 0)
        crashlog_done(&c);
    else
        *ret = c;
    return rc;
}

void crashlog_done(struct crashlog *c) {
    for (size_t i = 0; i < c->processes.n; i++)
        series_done(&c->processes.at[i].live);
    vec_free(&c->streams);
    vec_free(&c->processes);
    vec_free(&c->deaths);
    vec_free(&c->kills);
    crash_report_free(c->report);
    *c = (struct crashlog){0};
}
