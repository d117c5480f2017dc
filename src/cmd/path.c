/* memwhy path: why an object lives. */
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/path_rows.h"
#include "cmd/query_opts.h"
#include "report/document.h"

static void print(struct run *r, const struct evidence *ev, const struct paths *p) {
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "summary", text_json(p->summary));
        json_object_set_new(r->doc, "live", json_boolean(p->live));
        json_object_set_new(r->doc, "paths", path_rows_json(p, OBJECT_ADDR));
        return;
    }
    path_rows_print(r, p, OBJECT_ADDR);
    document_footer(r->out, ev);
}

static int run_path(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct paths p = {.most = (size_t)opt_u64(r->opts, "paths", 1)};
    opt_args(r->opts, &args);
    int rc = query_addr(r, args[1], &p.addr);
    if (rc == 0)
        rc = look_at_heap(r, args[0], &(struct v8_visit){&p, paths_see}, &ev);
    if (rc == 0) {
        print(r, &ev, &p);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
        evidence_done(&ev);
    }
    paths_done(&p);
    return rc;
}

static const struct opt opts[] = {
    {"paths", 'n', OPT_U64, "N", "up to so many, each through another referrer (1)"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_path = {
    .name = "path",
    .args = "TARGET ADDR",
    .group = GROUP_HEAP,
    .summary = "why an object lives: the way to it from a root",
    .help =
        "Shows the shortest way from a root to the object at ADDR (as `memwhy instances` prints\n"
        "it). The first line is the way as the program's author would write it:\n"
        "\n"
        "  global.list[988]                           a property of globalThis\n"
        "  variable list of /app/server.js: list[988] a variable of a module or function that\n"
        "                                             a closure keeps\n"
        "  export list of /app/store.mjs: list[988]   what a module exports\n"
        "  (handle of Server) TCP ...                 what libuv or native code holds\n"
        "\n"
        "Below it are the steps: each object's address, how the one before refers to it, and what\n"
        "it is. The root stands first; names in <...> are V8's own fields. A step through V8's\n"
        "bookkeeping (maps, code, feedback) counts as eight, so that a way through the program's\n"
        "own objects is preferred.\n"
        "\n"
        "  $ memwhy path core 0x2c2cdf7e6391          the shortest\n"
        "  $ memwhy path -n 5 core 0x2c2cdf7e6391     who else keeps it\n"
        "\n"
        "V8 moves objects of a running process: take addresses from a core or capture. Exit code\n"
        "4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_path,
};
