/* memwhy open: a .heapsnapshot file, V8's own or memwhy's. */
#include "base/fmt.h"
#include "base/progress.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/dominator_rows.h"
#include "cmd/path_rows.h"
#include "cmd/suspect_rows.h"
#include "suspects/opened.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

/* --- what the file is --- */

static const char *const forms[] = {
    [INPUT_PLAIN] = "plain", [INPUT_GZIP] = "gzip", [INPUT_ZSTD] = "zstd"};

static void put_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

/* What every document has: of a file nothing is incomplete, or it was refused. */
static void put_common(struct run *r, const char *path, const struct opened *o) {
    json_t *target = json_pack("{s:s, s:o, s:s}", "kind", "heapsnapshot", "file", text_json(path),
                               "form", forms[o->f->form]);
    put_u64(target, "bytes", o->f->file_bytes);
    put_u64(target, "text_bytes", o->f->text_bytes);
    put_u64(target, "nodes", o->f->nodes);
    put_u64(target, "edges", o->f->edges);
    put_u64(target, "strings", o->f->strings);
    json_object_set_new(r->doc, "target", target);
    json_object_set_new(r->doc, "coverage", json_pack("{s:b, s:[]}", "complete", 1, "notes"));
    put_u64(r->doc, "live_bytes", heapfile_retained(&o->graph, o->f->root));
}

enum { K_NAME, K_COUNT, K_BYTES, K_COLUMNS };
static const struct column kind_columns[K_COLUMNS] = {
    [K_NAME] = {"kind", "KIND", COL_TEXT},
    [K_COUNT] = {"count", "COUNT", COL_COUNT},
    [K_BYTES] = {"shallow", "SHALLOW", COL_BYTES},
};

static void print_head(struct run *r, const char *path, const struct opened *o) {
    char nodes[FMT_MAX], edges[FMT_MAX], bytes[FMT_MAX], size[FMT_MAX];
    cleanup_free char *name = text_printable(path);
    fprintf(r->out, "%s: %s in %s objects, with %s references, in a file of %s%s%s.\n\n", name,
            fmt_bytes(bytes, heapfile_retained(&o->graph, o->f->root)),
            fmt_count(nodes, o->f->nodes), fmt_count(edges, o->f->edges),
            fmt_bytes(size, o->f->file_bytes), o->f->form == INPUT_PLAIN ? "" : " of ",
            o->f->form == INPUT_PLAIN ? "" : forms[o->f->form]);
}

static void show_kinds(struct run *r, const struct opened *o) {
    struct opened_kinds kinds = {0};
    opened_sum_kinds(o, &kinds);
    struct table *t = table_new(kind_columns, K_COLUMNS);
    for (size_t i = 0; i < kinds.list.n; i++) {
        table_row(t);
        table_text(t, K_NAME, kinds.list.at[i].name);
        table_u64(t, K_COUNT, kinds.list.at[i].count);
        table_u64(t, K_BYTES, kinds.list.at[i].bytes);
    }
    if (r->json) {
        json_object_set_new(r->doc, "kinds", table_to_json(t));
    } else {
        table_print(t, r->out, r->width);
        fputc('\n', r->out);
    }
    table_free(t);
    vec_free(&kinds.list);
}

/* --- views: 0 or an exit code; negative errno --- */

enum { C_NAME, C_COUNT, C_SHALLOW, C_RETAINED, C_COLUMNS };
static const struct column class_columns[C_COLUMNS] = {
    [C_NAME] = {"name", "CLASS", COL_TEXT},
    [C_COUNT] = {"count", "COUNT", COL_COUNT},
    [C_SHALLOW] = {"shallow", "SHALLOW", COL_BYTES},
    [C_RETAINED] = {"retained", "RETAINED", COL_BYTES},
};

static int show_classes(struct run *r, struct opened *o, size_t most) {
    char count[FMT_MAX];
    struct opened_classes classes = {0};
    opened_histogram(o, &classes);
    struct table *t = table_new(class_columns, C_COLUMNS);
    size_t shown = most && most < classes.list.n ? most : classes.list.n;
    for (size_t i = 0; i < shown; i++) {
        const struct opened_class *c = &classes.list.at[i];
        table_row(t);
        table_text(t, C_NAME, c->name);
        table_u64(t, C_COUNT, c->count);
        table_u64(t, C_SHALLOW, c->shallow);
        table_u64(t, C_RETAINED, c->retained);
    }
    if (r->json) {
        json_object_set_new(r->doc, "classes", table_to_json(t));
    } else {
        table_print(t, r->out, r->width);
        if (shown < classes.list.n)
            fprintf(r->out, "and %s more (`objects --top=0` shows all)\n",
                    fmt_count(count, classes.list.n - shown));
        fputc('\n', r->out);
    }
    table_free(t);
    vec_free(&classes.list);
    return 0;
}

static int view_objects(struct run *r, struct opened *o, uint64_t id) {
    enum { MOST = 30 };
    (void)id;
    return show_classes(r, o, (size_t)opt_u64(r->opts, "top", r->json ? 0 : MOST));
}

static int view_dominators(struct run *r, struct opened *o, uint64_t id) {
    enum { MOST = 20 };
    struct dominators d = {
        .addr = id, .most = opt_u64(r->opts, "top", MOST), .min_bytes = opt_u64(r->opts, "min", 0)};
    int rc = opened_dominators(o, &d, &r->err);
    if (rc == 0) {
        struct table *t = dominator_rows(r, &d, OBJECT_ID);
        if (r->json) {
            json_object_set_new(r->doc, "dominators", table_to_json(t));
        } else {
            table_print(t, r->out, r->width);
            fputc('\n', r->out);
        }
        table_free(t);
    }
    dominators_done(&d);
    return rc;
}

static int view_suspects(struct run *r, struct opened *o, uint64_t id) {
    struct suspects s = {.least = opt_u64(r->opts, "min", 0)};
    (void)id;
    int rc = opened_suspects(o, &s, &r->err);
    progress_done(o->progress);
    if (rc == 0) {
        if (r->json)
            json_object_set_new(r->doc, "suspects", suspect_rows_json(&s, OBJECT_ID));
        else
            suspect_rows_print(r, &s, OBJECT_ID);
        rc = s.list.n ? 1 : 0;
    }
    suspects_done(&s);
    return rc;
}

static int view_path(struct run *r, struct opened *o, uint64_t id) {
    uint64_t most = opt_u64(r->opts, "top", 1);
    struct paths p = {.addr = id, .most = most ? (size_t)most : SIZE_MAX};
    uint32_t node;
    int rc = opened_paths(o, &p, &r->err);
    progress_done(o->progress);
    if (rc == 0 && r->json) {
        opened_find(o, id, &node, NULL);
        json_object_set_new(r->doc, "summary", text_json(p.summary));
        json_object_set_new(r->doc, "live", json_boolean(p.live));
        put_u64(r->doc, "retained", heapfile_retained(&o->graph, node));
        if (p.live)
            put_u64(r->doc, "distance", heapfile_distance(&o->ways, node));
        json_object_set_new(r->doc, "paths", path_rows_json(&p, OBJECT_ID));
    } else if (rc == 0) {
        path_rows_print(r, &p, OBJECT_ID);
    }
    paths_done(&p);
    return rc;
}

static int view_all(struct run *r, struct opened *o, uint64_t id) {
    enum { MOST = 12 };
    show_kinds(r, o);
    show_classes(r, o, (size_t)opt_u64(r->opts, "top", MOST));
    return view_suspects(r, o, id);
}

static const struct view {
    const char *name;
    enum { NO_ID, MAY_HAVE_ID, NEEDS_ID } id;
    int (*show)(struct run *r, struct opened *o, uint64_t id);
} views[] = {
    {"summary", NO_ID, view_all},
    {"objects", NO_ID, view_objects},
    {"dominators", MAY_HAVE_ID, view_dominators},
    {"suspects", NO_ID, view_suspects},
    {"path", NEEDS_ID, view_path},
};

static const struct view *view_of(const char *name) {
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if (strcmp(views[i].name, name) == 0)
            return &views[i];
    return NULL;
}

/* "1234" or, as it is shown, "@1234". */
static int parse_id(struct run *r, const char *text, uint64_t *ret) {
    const char *digits = text + (text[0] == '@');
    char *end;
    errno = 0;
    uint64_t id = strtoull(digits, &end, 10);
    if (*digits >= '0' && *digits <= '9' && !*end && !errno && id) {
        *ret = id;
        return 0;
    }
    cleanup_free char *shown = text_printable(text);
    return err_set(&r->err, -EINVAL, "DevTools shows ids behind names, as @1234.",
                   "\"%s\" is no id of an object", shown);
}

static int ask(struct run *r, const struct view **ret_view, uint64_t *ret_id) {
    const char *const *args;
    size_t n = opt_args(r->opts, &args);
    const struct view *v = view_of(n > 1 ? args[1] : "summary");
    *ret_id = 0;
    if (!v) {
        cleanup_free char *shown = text_printable(args[1]);
        return err_set(&r->err, -EINVAL,
                       "Ask for objects, dominators [ID], suspects, path ID, or nothing.",
                       "a snapshot cannot be asked for \"%s\"", shown);
    }
    if ((n > 2 && v->id == NO_ID) || (n < 3 && v->id == NEEDS_ID))
        return err_set(&r->err, -EINVAL, "Add --help to see an example.",
                       n > 2 ? "`%s` takes no id" : "`%s` takes the id of an object", v->name);
    *ret_view = v;
    return n > 2 ? parse_id(r, args[2], ret_id) : 0;
}

static int run_open(struct run *r) {
    const char *const *args;
    const struct view *view = NULL;
    struct opened o;
    uint64_t id;
    struct progress p = progress_start(r->progress);
    opt_args(r->opts, &args);
    signal(SIGXFSZ, SIG_IGN); /* a limit of the shell is an error of the temporary file's */
    int rc = ask(r, &view, &id);
    if (rc == 0)
        rc = opened_open(args[0], &p, &o, &r->err);
    progress_done(&p);
    if (rc < 0)
        return rc;
    if (r->json)
        put_common(r, args[0], &o);
    else if (view->show == view_all)
        print_head(r, args[0], &o);
    rc = view->show(r, &o, id);
    opened_done(&o);
    return rc;
}

static const struct opt opts[] = {
    {"top", 'n', OPT_U64, "N", "at most so many classes, objects or ways; 0: all"},
    {"min", 'm', OPT_BYTES, "SIZE", "only what holds so much (suspects: a twentieth of all)"},
    {0}};

const struct command cmd_open = {
    .name = "open",
    .args = "FILE [VIEW] [ID]",
    .group = GROUP_HEAP,
    .summary = "a .heapsnapshot file: classes, what holds what, suspects",
    .help =
        "Reads a heap snapshot as V8, Chrome or `memwhy snapshot` write it, plain or packed with\n"
        "gzip or zstd, of any size: some 60 bytes of memory for each object. VIEW is one of\n"
        "\n"
        "  objects          classes: how many, their bytes (SHALLOW), and what would go with them\n"
        "                   (RETAINED)\n"
        "  dominators [ID]  what holds most, as a tree; with ID the part below one object\n"
        "  suspects         collections, large objects and chains that hold much, and the way to\n"
        "                   them\n"
        "  path ID          the shortest way to an object, in words and step by step\n"
        "\n"
        "and without it the file is summed up: bytes by V8's kinds of objects, the classes that\n"
        "hold most, the suspects. Objects are named by their id, which DevTools shows as @1234;\n"
        "retained sizes and distances are those of DevTools: weak references hold nothing, and\n"
        "what global objects lead to is held by the program alone.\n"
        "\n"
        "  $ memwhy open app.heapsnapshot                the summary\n"
        "  $ memwhy open app.heapsnapshot.gz objects     all that is in DevTools' Summary\n"
        "  $ memwhy open app.heapsnapshot path 71697     why that object lives\n"
        "\n"
        "A suspect is no verdict: a cache is large, too. In a way, names in <...> are V8's own\n"
        "fields, and names in round brackets its groups of roots. Exit codes: 1 there are\n"
        "suspects, 3 the file cannot be read, or is no whole heap snapshot.\n",
    .opts = opts,
    .run = run_open,
};
