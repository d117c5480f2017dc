/* memwhy dominators: what holds the most, as a tree. */
#include "collect/dominators.h"
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/query_opts.h"
#include "report/document.h"

enum { D_RETAINED, D_SHARE, D_COUNT, D_ADDR, D_OBJECT, D_CLASS, D_SHALLOW, D_DEPTH, D_COLUMNS };

static const struct column columns[D_COLUMNS] = {
    [D_RETAINED] = {"retained", "RETAINED", COL_BYTES}, [D_SHARE] = {"share", "SHARE", COL_PERCENT},
    [D_COUNT] = {"count", "OBJECTS", COL_COUNT},        [D_ADDR] = {"addr", "ADDRESS", COL_TEXT},
    [D_OBJECT] = {"summary", "OBJECT", COL_TEXT},       [D_CLASS] = {"class", NULL, COL_TEXT},
    [D_SHALLOW] = {"shallow", NULL, COL_BYTES},         [D_DEPTH] = {"depth", NULL, COL_COUNT},
};

static void row(struct table *t, const struct run *r, const struct dominators *d,
                const struct dominator *one) {
    enum { INDENT_MAX = 40 }; /* levels; a list may be a million deep */
    char addr[24], number[FMT_MAX];
    table_row(t);
    table_u64(t, D_RETAINED, one->retained);
    if (d->live_bytes)
        table_real(t, D_SHARE, (double)one->retained * 100 / (double)d->live_bytes);
    table_u64(t, D_COUNT, one->count);
    if (one->siblings == 1) {
        snprintf(addr, sizeof addr, "0x%llx", (unsigned long long)one->addr);
        table_text(t, D_ADDR, addr);
    }
    if (r->json) {
        table_text(t, D_OBJECT, one->summary);
        table_json_field(t, "siblings", json_integer((json_int_t)one->siblings));
    } else {
        int indent = 2 * (int)(one->depth < INDENT_MAX ? one->depth : INDENT_MAX);
        cleanup_free char *text =
            one->siblings == 1
                ? mem_printf("%*s%s", indent, "", one->summary)
                : mem_printf("%*s+ %s %s %s", indent, "", fmt_count(number, one->siblings),
                             r->unicode ? "\xc3\x97" : "x", one->summary);
        table_text(t, D_OBJECT, text);
    }
    table_text(t, D_CLASS, one->class);
    table_u64(t, D_SHALLOW, one->shallow);
    table_u64(t, D_DEPTH, one->depth);
}

static void print(struct run *r, const struct evidence *ev, const struct dominators *d) {
    char bytes[FMT_MAX];
    struct table *t = table_new(columns, D_COLUMNS);
    for (size_t i = 0; i < d->list.n; i++)
        row(t, r, d, &d->list.at[i]);
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
