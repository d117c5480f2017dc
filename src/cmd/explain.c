#include "report/explain.h"
#include "cmd/cmd.h"
#include "cmd/explain_look.h"
#include "cmd/growth_report.h"
#include "cmd/look.h"
#include "cmd/over_time.h"
#include "collect/recorded.h"
#include "report/document.h"
#include "report/trend.h"
#include "rules/rule.h"

#include <errno.h>

enum { EXIT_FINDINGS = 1, EXIT_PARTIAL = 4 };

/* What grows is said before what is large; RSS only when nothing else is known to grow. False when
 * nothing does. */
static bool put_growth_first(const struct trends *t, struct diagnosis *d) {
    const struct trend_row *grows = NULL;
    for (size_t i = 0; i < t->rows.n; i++)
        if (t->rows.at[i].trend.kind == TREND_GROWING && !grows)
            grows = &t->rows.at[i];
    if (!grows)
        return false;
    cleanup_free char *text = report_trend_text(grows, t->end_ns), *rest = d->verdict;
    d->verdict = mem_printf("%s: %s.%s%s", grows->title, text, rest ? " " : "", rest ? rest : "");
    return true;
}

/* Prints it, or fills the document; the exit code. */
static int show(struct run *r, const struct evidence *ev, const struct growth_report *g) {
    struct diagnosis d = {0};
    rules_run(ev, &d);
    bool grows = put_growth_first(&ev->trends, &d);
    if (r->json) {
        document_common(r->doc, ev);
        report_explain_json(r->doc, ev, &d);
        if (g->n)
            growth_report_put_holders(json_object_get(r->doc, "series"), g);
    } else {
        struct report_style style = {r->colour, r->unicode, r->width};
        report_explain(r->out, ev, &d, &style);
        if (g->list.list.n)
            fputc('\n', r->out);
        growth_report_print_holders(r, g);
    }
    /* A V8 that could not be read is a partial answer; a process without V8 is a whole one. */
    int code = ev->target.engine == ENGINE_V8 && !ev->has_v8 ? EXIT_PARTIAL
               : d.findings.n || grows                       ? EXIT_FINDINGS
                                                             : 0;
    diagnosis_done(&d);
    return code;
}

static int run_explain(struct run *r) {
    const char *const *args;
    uint64_t for_ns = opt_u64(r->opts, "for", 0);
    struct growth_report g = {.same_process = true, .is_watched = true};
    if (opt_args(r->opts, &args) != 1)
        return err_set(&r->err, -EINVAL, "Give a process id or a core file: memwhy explain 1234",
                       "explain takes exactly one TARGET");
    if (for_ns) {
        int rc = over_time_watch(r, args[0], for_ns, NEED_ALL | NEED_FLAGS, &g);
        if (rc < 0)
            return rc;
        rc = explain_look_for_lost(r, args[0], &g.side[g.n - 1].ev);
        rc = rc < 0 ? rc : show(r, &g.side[g.n - 1].ev, &g);
        growth_report_done(&g);
        return rc;
    }
    struct evidence ev;
    cleanup_free char *first = NULL, *last = NULL;
    int rc = recorded_split(args[0], &first, &last)
                 ? explain_look_back(r, args[0], last, &ev)
                 : explain_look(r, args[0], opt_flag(r->opts, "quick"), &ev);
    if (rc < 0)
        return rc;
    rc = show(r, &ev, &g);
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"for", 'f', OPT_DURATION, "TIME", "watch it for that long, and say what grows"},
    {"quick", 'q', OPT_FLAG, NULL, "do not ask which objects live: less time and memory"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_explain = {
    .name = "explain",
    .args = "TARGET",
    .summary = "who owns every resident byte of a process, and why",
    .help =
        "Holds the process for some milliseconds, for a fork; reads the copy while it runs on; "
        "and\n"
        "accounts for every resident byte: V8's spaces object by object, ArrayBuffers, each "
        "malloc\n"
        "arena in use and free, stacks, code, files. The sum is the kernel's RSS of that moment,\n"
        "to the byte. A process that cannot be forked is stopped and read, when that takes less\n"
        "than --max-pause.\n"
        "\n"
        "  $ memwhy explain 1234         the same as: memwhy 1234\n"
        "  $ memwhy explain core.1234    from a core file (plain or .zst)\n"
        "  $ memwhy explain server.js    the one process whose command line holds this\n"
        "  $ memwhy explain rec.db:1234@-2h..last      a deep look, and the two hours before it\n"
        "  $ memwhy explain 1234 --json | jq .account.owners\n"
        "\n"
        "Read it from the top: the verdict, who holds what, V8's own numbers beside the kernel's,\n"
        "each finding with its evidence and the command that shows it, what is unknown, and what\n"
        "looking cost the process.\n"
        "\n"
        "  $ memwhy explain 1234 --for 2m    watch it first: what grows, how fast, until when\n"
        "  Over 120.00 s, 20 looks at what lives\n"
        "    heap           growing 344.0 MiB/h (95 %: 341.2 MiB/h to 347.5 MiB/h), reaches V8's\n"
        "                   limit of 4.0 GiB at 16:08 (in 11.8 h)\n"
        "    array buffers  steady at 134.2 KiB; growth by more than 1.2 KiB/h is excluded\n"
        "    RSS            seesaw, no growth: up to 46.0 MiB above 61.2 MiB\n"
        "\n"
        "Ten to twenty looks, a fork each, tell what lives from garbage, so the saw that garbage\n"
        "makes does not matter; in between, counters are read. The slope is that of Theil and "
        "Sen,\n"
        "of the floor since it last changed its course: `RSS` is what would be left of it after a\n"
        "collection and a trim. It is growing when an interval of 95 % excludes zero, over at "
        "least\n"
        "six looks and a third of the time, by more than 0.5 MiB and 0.5 % (native memory 2 %), "
        "and\n"
        "it does not slow down. Else it is a seesaw, steady, level since a moment (a warm-up that\n"
        "ended, a cache that is full), filling (ever more slowly), falling, or not decided, with "
        "how\n"
        "long would tell. A cache that fills evenly to the end of the watch does not differ from "
        "a\n"
        "leak in any number: what has a bound beside it is not said to grow, as in `memwhy "
        "growth`,\n"
        "which names what holds it, as here; the rest is. Give a service its time to warm up "
        "first.\n"
        "\n"
        "Exit code 1 says that there are findings, or that something grows.",
    .opts = opts,
    .run = run_explain,
};
