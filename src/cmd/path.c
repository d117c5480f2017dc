/* memwhy path: why an object lives. */
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/native_rows.h"
#include "cmd/path_rows.h"
#include "cmd/query_opts.h"
#include "native/chains.h"
#include "report/document.h"

struct question {
    struct paths paths;
    bool is_native;
};

static void print(struct run *r, const struct evidence *ev, const struct question *q) {
    const struct paths *p = &q->paths;
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "summary", text_json(p->summary));
        json_object_set_new(r->doc, "live", json_boolean(p->live));
        if (q->is_native)
            json_object_set_new(r->doc, "native", json_true());
        json_object_set_new(r->doc, "paths", path_rows_json(p, OBJECT_ADDR));
        return;
    }
    if (q->is_native && !p->live) {
        cleanup_free char *summary = text_printable(p->summary);
        fprintf(r->out, "%s: no way leads to it.\n\n", summary);
    } else {
        path_rows_print(r, p, OBJECT_ADDR);
    }
    document_footer(r->out, ev);
}

static int see(void *question, const struct whole *whole, struct err *e) {
    struct question *q = question;
    q->is_native = !place_is_of_heap(whole, q->paths.addr);
    if (!q->is_native)
        return paths_see(&q->paths, whole->heap, e);
    int r = native_check_addr(whole, q->paths.addr, e);
    if (r < 0)
        return r;
    struct places *places = places_new(whole);
    paths_done(&q->paths);
    r = chains_paths(places, q->paths.addr, &q->paths, e);
    places_free(places);
    return r;
}

static int run_path(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct question q = {.paths = {.most = (size_t)opt_u64(r->opts, "paths", 1)}};
    opt_args(r->opts, &args);
    int rc = query_addr(r, args[1], &q.paths.addr);
    if (rc == 0)
        rc = look_at_whole(r, args[0], NATIVE_NEEDS, &(struct whole_visit){&q, see}, &ev);
    if (rc == 0) {
        bool whole = !ev.v8.unwalked_bytes && !ev.v8.in_collection;
        if (q.is_native)
            whole = native_note_gaps(&ev, 0) && whole;
        print(r, &ev, &q);
        rc = whole ? 0 : 4;
        evidence_done(&ev);
    }
    paths_done(&q.paths);
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
    .summary = "why an object lives, or a chunk is held: the way from a root",
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
        "Of a chunk of malloc's, or another address outside V8's heap, it shows the way through\n"
        "native memory, chunk by chunk, from a variable of a module or from the JavaScript object\n"
        "to which the first chunk belongs, with that object's own way before it:\n"
        "\n"
        "  variable list of app -> chunk( +0x0 -> chunk x 1,999)\n"
        "  global.streams[3]._handle [[InternalField0]] -> ZlibStream +0x60 -> chunk\n"
        "\n"
        "Ways that begin with a stack, a register or a word that points inside come only where\n"
        "there is no other: such a word may be left over, or a number. What no way leads to is\n"
        "lost (`memwhy leaks`).\n"
        "\n"
        "  $ memwhy path core 0x5581c0a3d2f0          a chunk's\n"
        "\n"
        "V8 moves objects of a running process: take addresses from a core or capture. Exit code\n"
        "4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_path,
};
