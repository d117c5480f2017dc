/* memwhy gc: a full collection, asked for through the inspector; foretold, and measured. */
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/change_rows.h"
#include "cmd/cmd.h"
#include "cmd/collecting.h"
#include "cmd/look.h"
#include "report/document.h"

static void print_text(struct run *r, const struct collecting *c, const struct inspecting *i) {
    char took[FMT_MAX];
    fprintf(r->out, "A full collection took %s.\n\n", fmt_duration(took, c->took_ns));
    collecting_print(r->out, c, r->width);
    fputc('\n', r->out);
    struct table *t = change_rows(&c->before, &c->after);
    table_print(t, r->out, r->width);
    table_free(t);
    fputc('\n', r->out);
    inspecting_print(r->out, i);
    fputs("Before: ", r->out);
    document_footer(r->out, &c->before);
    fputs("After: ", r->out);
    document_footer(r->out, &c->after);
}

static int run(struct run *r) {
    const char *const *args;
    struct inspecting i = {0};
    struct collecting c;
    char pid[16];
    opt_args(r->opts, &args);
    int rc = inspecting_begin(r, args[0], &i, pid);
    if (rc < 0)
        return rc;
    rc = inspecting_end(r, &i, collecting_run(r, &i, pid, &c));
    if (rc < 0)
        return rc;
    if (r->json) {
        document_common(r->doc, &c.before);
        collecting_json(r->doc, &c);
        json_object_set_new(r->doc, "inspector", inspecting_json(&i));
    } else {
        print_text(r, &c, &i);
    }
    collecting_done(&c);
    return i.end == INSPECTOR_LEFT_OPEN ? 4 : 0;
}

static const struct opt opts[] = {
    INSPECT_OPT_TIMEOUT,
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

const struct command cmd_gc = {
    .name = "gc",
    .args = "PID",
    .group = GROUP_REMEDY,
    .summary = "have the process collect its garbage, with what was foretold and what came of it",
    .help =
        "Looks at the heap and says what a full collection would leave; has the process make one;\n"
        "looks again, and shows who owns less now. Only the main thread's heap is collected, and\n"
        "the program stands still for it: about 1 s for 1 GB that lives.\n"
        "\n" INSPECT_HELP "\n"
        "Example\n"
        "  $ memwhy gc 4711\n"
        "  A full collection took 72.5 ms.\n"
        "\n"
        "                                        FORETOLD  CAME OF IT\n"
        "  heapUsed of main afterwards            6.9 MiB     6.8 MiB\n"
        "  the heap gives back                  157.5 MiB   157.5 MiB\n"
        "  Buffers with mappings of their own    57.4 MiB    57.4 MiB\n"
        "  RSS falls by                         214.9 MiB   218.8 MiB\n"
        "  ...\n"
        "\n"
        "What was garbage is no leak: V8 had not needed the memory yet, and will take it again\n"
        "under the same load. Small Buffers lie in malloc's memory, which keeps it: `memwhy trim`\n"
        "gives that back, and `memwhy relieve` does both, in order.\n",
    .opts = opts,
    .run = run,
};
