/* memwhy dominators: what holds the most, as a tree. */
#include "collect/dominators.h"
#include "base/fmt.h"
#include "cmd/cmd.h"
#include "cmd/dominator_rows.h"
#include "cmd/look.h"
#include "cmd/query_opts.h"
#include "report/document.h"

static void print(struct run *r, const struct evidence *ev, const struct dominators *d) {
    char bytes[FMT_MAX];
    struct table *t = dominator_rows(r, d, OBJECT_ADDR);
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "live_bytes", json_integer((json_int_t)d->live_bytes));
        json_object_set_new(r->doc, "dominators", table_to_json(t));
    } else {
        table_print(t, r->out, r->width);
        fprintf(r->out, "\nAll live objects, with what they hold outside the heap: %s.\n",
                fmt_bytes(bytes, d->live_bytes));
        document_footer(r->out, ev);
    }
    table_free(t);
}

static int run_dominators(struct run *r) {
    enum { MOST = 20 };
    const char *const *args;
    struct evidence ev;
    struct dominators d = {.most = opt_u64(r->opts, "top", MOST),
                           .min_bytes = opt_u64(r->opts, "min-size", 0),
                           .depth = opt_u64(r->opts, "depth", 0)};
    size_t n = opt_args(r->opts, &args);
    int rc = n > 1 ? query_addr(r, args[1], &d.addr) : 0;
    if (rc == 0)
        rc = look_at_heap(r, args[0], &(struct v8_visit){&d, dominators_see}, &ev);
    if (rc == 0) {
        print(r, &ev, &d);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
        evidence_done(&ev);
    }
    dominators_done(&d);
    return rc;
}

static const struct opt opts[] = {
    {"top", 'n', OPT_U64, "N", "the N objects that retain most (20); 0: all"},
    {"min-size", 0, OPT_BYTES, "SIZE", "only what retains at least SIZE"},
    {"depth", 0, OPT_U64, "N", "at most N levels"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_dominators = {
    .name = "dominators",
    .args = "TARGET [ADDR]",
    .group = GROUP_HEAP,
    .summary = "what holds most of the heap, as a tree",
    .help =
        "One object dominates another when every way from the roots to that leads through it: it\n"
        "alone keeps it alive. RETAINED are the bytes of an object and of all it dominates, on\n"
        "the heap and outside; OBJECTS how many those are; SHARE the part of all live memory.\n"
        "Shown are the objects that retain most, each below what dominates it; what else that\n"
        "dominates stands behind, summed up by class (\"+ 4,289 x Session\"), where it is as much\n"
        "as what is shown. Follow the tree down to where a large object falls apart into many\n"
        "small ones: that is the collection which grew. With ADDR the part below one object.\n"
        "\n"
        "  $ memwhy dominators 2043476                   the 20 largest\n"
        "  $ memwhy dominators core -n 0 --min-size 1M   all from 1 MiB on\n"
        "  $ memwhy dominators core 0x2c2cdf7e6391       what one object holds\n"
        "\n"
        "As in DevTools the program's objects are held by the program: what V8's own roots and\n"
        "handles refer to besides does not count for what the global object leads to.\n"
        "\n"
        "Exit code 4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_dominators,
};
