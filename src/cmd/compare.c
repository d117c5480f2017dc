/* memwhy compare: what has grown from one look to another, of processes or files. */
#include "base/clock.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/growth_report.h"
#include "cmd/look.h"
#include "collect/recorded.h"
#include "growth/summary_keep.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* When it was as it is shown: then, now, or when the file was last written. 0: not known. */
static double moment_of(const struct growth_side *s) {
    struct stat st;
    if (s->wall_ns)
        return (double)s->wall_ns / 1e9;
    if (!s->summary.is_file && strcmp(s->ev.target.kind, "core") != 0)
        return (double)time(NULL);
    return stat(s->target, &st) == 0 ? (double)st.st_mtime : 0;
}

/* The file's first bytes; false when it has not so many. */
static bool read_begin(const char *path, unsigned char *ret, size_t n) {
    FILE *f = fopen(path, "rb");
    bool whole = f && fread(ret, 1, n, f) == n;
    if (f)
        fclose(f);
    return whole;
}

/* A core begins otherwise; what is packed with zstd may be either, and its name has to say. */
static bool is_heap_file(const char *target) {
    static const unsigned char gzip[] = {0x1f, 0x8b};
    unsigned char begin[sizeof gzip];
    struct stat st;
    if (stat(target, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    if (strstr(target, ".heapsnapshot"))
        return true;
    return read_begin(target, begin, sizeof begin) &&
           (begin[0] == '{' || memcmp(begin, gzip, sizeof gzip) == 0);
}

static int read_file(struct run *r, struct growth_side *s) {
    struct progress line = progress_start(r->progress);
    struct rusage usage;
    uint64_t began = clock_ns();
    int rc = heap_summary_read(s->target, &line, &s->summary, &r->err);
    progress_done(&line);
    getrusage(RUSAGE_SELF, &usage);
    s->ev = (struct evidence){
        .target = {.kind = "heapsnapshot", .engine = ENGINE_V8},
        .cost = {.took_ns = clock_ns() - began, .own_rss_bytes = (uint64_t)usage.ru_maxrss * 1024}};
    return rc;
}

static int read_recorded(struct run *r, struct growth_side *s) {
    json_t *heap;
    int rc = recorded_heap(s->target, &heap, &s->wall_ns, &r->err);
    if (rc < 0)
        return rc;
    rc = heap_summary_of_json(heap, &s->summary, &r->err);
    json_decref(heap);
    return rc < 0 ? rc : recorded_evidence(s->target, &s->ev, &r->err);
}

static int look(struct run *r, struct growth_report *g, const char *target) {
    const unsigned needs = NEED_MALLOC | NEED_ACCOUNT | NEED_PROCESS;
    struct growth_side *s = &g->side[g->n];
    *s = (struct growth_side){.target = target};
    s->summary.earlier = g->n ? &g->side[g->n - 1].summary.holders : NULL;
    int rc = recorded_is(target) ? read_recorded(r, s)
             : is_heap_file(target)
                 ? read_file(r, s)
                 : look_at_heap_and(r, target, needs,
                                    &(struct v8_visit){&s->summary, heap_summary_see}, &s->ev);
    if (rc < 0)
        heap_summary_done(&s->summary);
    else
        g->n++;
    return rc;
}

/* Of a file it is not known whose it is, but for its ids. */
static bool are_one_process(const struct growth_side *a, const struct growth_side *b,
                            const char **ret_why_not) {
    *ret_why_not = "a snapshot does not say of which process it is";
    if (a->summary.is_file && b->summary.is_file) {
        *ret_why_not = "most ids of the one are not those of the other";
        return heap_summary_shares_ids(&a->summary, &b->summary);
    }
    return !a->summary.is_file && !b->summary.is_file &&
           growth_same_process(&a->ev, &b->ev, ret_why_not);
}

static void compare(struct growth_report *g) {
    struct growth_side *a = &g->side[0], *b = &g->side[1];
    const char *why;
    g->same_process = are_one_process(a, b, &why);
    if (!g->same_process)
        evidence_note(&b->ev,
                      "%s and %s are not taken for one process: %s. Holders are found again by "
                      "their paths alone, and what is larger need not have grown",
                      a->target, b->target, why);
    if (a->summary.is_file != b->summary.is_file)
        evidence_note(&b->ev, "a snapshot counts what ArrayBuffers hold as an object of its own");
    double then = moment_of(a), now = moment_of(b);
    if (g->same_process && then > 0 && now > then)
        b->seconds = now - then;
    struct growth_look looks[2] = {{&a->summary.holders, 0}, {&b->summary.holders, b->seconds}};
    growth_find(looks, 2, g->same_process, &g->list);
}

static int run_compare(struct run *r) {
    const char *const *args;
    struct growth_report g = {0};
    cleanup_free char *first = NULL, *second = NULL;
    size_t n = opt_args(r->opts, &args);
    bool split = n == 1 && recorded_split(args[0], &first, &second);
    if (n != 2 && !split)
        return err_set(&r->err, -EINVAL, "For example: memwhy compare before.core 4711",
                       "compare takes two TARGETs, or two moments of a recording");
    int rc = look(r, &g, split ? first : args[0]);
    if (rc == 0)
        rc = look(r, &g, split ? second : args[1]);
    if (rc == 0) {
        compare(&g);
        rc = growth_report_show(r, &g);
    }
    growth_report_done(&g);
    return rc;
}

static const struct opt opts[] = {{"top", 'n', OPT_U64, "N", "at most so many classes (text: 10)"},
                                  LOOK_OPT_FREEZE,
                                  LOOK_OPT_MAX_PAUSE,
                                  {0}};

const struct command cmd_compare = {
    .name = "compare",
    .args = "A [B]",
    .group = GROUP_OVER_TIME,
    .summary = "what there is more of on the heap of B than on that of A, and where it hangs",
    .help =
        "A is the earlier look: a capture, a core, or a process. Shows the holders that have more\n"
        "members in B, how they are reached, and the live objects there are more of. Garbage "
        "never\n"
        "counts.\n"
        "\n"
        "  $ memwhy capture 4711 -o before.core; sleep 3600; memwhy compare before.core 4711\n"
        "   1. variable cache of /srv/quotes.js\n"
        "         Map of 70,000 entries: +31,250 (8.7 a second), +24.1 MiB\n"
        "         most of them PriceQuote, written at /srv/quotes.js:4\n"
        "  $ memwhy compare a.heapsnapshot b.heapsnapshot      two of `memwhy snapshot`, or V8's\n"
        "  $ memwhy compare rec.db:4711@first..last     two deep looks of `memwhy record`\n"
        "\n"
        "Two looks show that something grew, not that it goes on: `memwhy growth PID` looks once\n"
        "more. What has grown must exceed what chance does to a set of which so many members "
        "went.\n"
        "An object is found again by its address where it does not move, else by its path and\n"
        "class; of two different processes by path and class alone. Of files by id, if most ids "
        "are\n"
        "in both. `memwhy objects --growing`\n"
        "compares chosen objects only, `memwhy diff` the memory outside the heap.\n"
        "\n"
        "The rate is by the time between A and B: of a file, when it was last written.\n"
        "\n"
        "Exit codes: 0 nothing has grown, 1 something has, 4 part of a heap could not be walked.\n",
    .opts = opts,
    .run = run_compare,
};
