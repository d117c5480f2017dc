/* memwhy path: why an object lives. */
#include "base/fmt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/query_opts.h"
#include "collect/paths.h"
#include "report/document.h"

enum { ENDS_SHOWN = 20 }; /* steps of a long way, at each end */

static void print_path(FILE *out, const struct path *p) {
    cleanup_free char *line = text_printable(p->line);
    fprintf(out, "%s\n", line);
    for (size_t i = 0; i < p->steps.n; i++) {
        const struct path_step *s = &p->steps.at[i];
        if (i == ENDS_SHOWN && p->steps.n > 2 * ENDS_SHOWN + 1) {
            char left_out[FMT_MAX];
            size_t more = p->steps.n - 2 * ENDS_SHOWN;
            fprintf(out, "  ... %s steps (--json has them)\n", fmt_count(left_out, more));
            i += more - 1;
            continue;
        }
        cleanup_free char *name = text_printable(s->name), *summary = text_printable(s->summary);
        fprintf(out, "  0x%-14llx %s%s%s\n", (unsigned long long)s->addr, name, *name ? "  " : "",
                summary);
    }
    fputs("\n", out);
}

static json_t *path_json(const struct path *p) {
    json_t *steps = json_array();
    for (size_t i = 0; i < p->steps.n; i++) {
        const struct path_step *s = &p->steps.at[i];
        char addr[24];
        snprintf(addr, sizeof addr, "0x%llx", (unsigned long long)s->addr);
        json_array_append_new(steps, json_pack("{s:s, s:o, s:s, s:o}", "addr", addr, "name",
                                               text_json(s->name), "kind", s->kind, "summary",
                                               text_json(s->summary)));
    }
    return json_pack("{s:o, s:o}", "line", text_json(p->line), "steps", steps);
}

static void print(struct run *r, const struct evidence *ev, const struct paths *p) {
    if (r->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < p->list.n; i++)
            json_array_append_new(list, path_json(&p->list.at[i]));
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "summary", text_json(p->summary));
        json_object_set_new(r->doc, "live", json_boolean(p->live));
        json_object_set_new(r->doc, "paths", list);
        return;
    }
    cleanup_free char *summary = text_printable(p->summary);
    if (!p->live)
        fprintf(r->out, "%s is garbage: no way leads to it, and a collection would free it.\n\n",
                summary);
    else if (!p->list.n)
        fprintf(r->out, "%s lives, but only by itself or by what is not known.\n\n", summary);
    for (size_t i = 0; i < p->list.n; i++)
        print_path(r->out, &p->list.at[i]);
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
