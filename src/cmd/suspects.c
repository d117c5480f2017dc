/* memwhy suspects: what on the JavaScript heap looks like a leak, in words. */
#include "suspects/suspects.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/suspect_rows.h"
#include "report/document.h"

static void print(struct run *r, const struct evidence *ev, const struct suspects *s) {
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "live_bytes", json_integer((json_int_t)s->live_bytes));
        json_object_set_new(r->doc, "suspects", suspect_rows_json(s, OBJECT_ADDR));
        return;
    }
    suspect_rows_print(r, s, OBJECT_ADDR);
    document_footer(r->out, ev);
}

static int run_suspects(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct suspects s = {.least = opt_u64(r->opts, "min", 0)};
    opt_args(r->opts, &args);
    int rc = look_at_heap(r, args[0], &(struct v8_visit){&s, suspects_see}, &ev);
    if (rc < 0)
        return rc;
    print(r, &ev, &s);
    rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : s.list.n ? 1 : 0;
    suspects_done(&s);
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"min", 'm', OPT_BYTES, "SIZE", "only what holds so much (a twentieth of what lives)"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_suspects = {
    .name = "suspects",
    .args = "TARGET",
    .group = GROUP_HEAP,
    .summary = "what on the JavaScript heap looks like a leak, in words",
    .help =
        "Looks for what holds much and has no bound that one could see: collections with many\n"
        "entries, chains, single large objects, listeners of one event, closures of one\n"
        "function, timers, async functions that wait, slices that keep long strings, views\n"
        "that keep Buffer's pool, vm contexts, modules loaded again, what only handles of\n"
        "native code or V8's compilation cache keep. Only what lives counts; garbage is no\n"
        "suspect. Two of them may hold the same bytes: an array of closures is a collection,\n"
        "and its closures are of one function.\n"
        "\n"
        "`memwhy inspect TARGET 0x...` shows the holder or one of the objects, `memwhy path` what\n"
        "keeps it. A suspect is no verdict. Whether a cache of 118 MiB is a leak its owner knows, "
        "or a\n"
        "second look at another time shows.\n"
        "\n"
        "  $ memwhy suspects 2043476           all that hold a twentieth of what lives\n"
        "  $ memwhy suspects --min=1M core     smaller ones too, of a core file\n"
        "\n"
        "Exit codes: 0 none, 1 there are some, 4 part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_suspects,
};
