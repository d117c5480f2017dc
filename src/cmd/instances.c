/* memwhy instances: the objects of a class one by one. */
#include "collect/instances.h"
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/query_opts.h"
#include "report/document.h"
#include <errno.h>
#include <string.h>

enum { I_ADDR, I_SHALLOW, I_RETAINED, I_STATE, I_CLASS, I_SUMMARY, I_COLUMNS };

static int ask(struct run *r, const char *name, struct instances *s) {
    const char *by = opt_string(r->opts, "sort", "address");
    int rc = query_from_opts(r, QUERY_LIVE, &s->query);
    if (rc < 0)
        return rc;
    if (name && s->query.class)
        return err_set(&r->err, -EINVAL, "Give the class once.",
                       "NAME and --class are the same question");
    if (name)
        s->query.class = name;
    s->with_retained = opt_flag(r->opts, "retained");
    s->with_details = opt_flag(r->opts, "details");
    s->limit = opt_u64(r->opts, "limit", r->json ? 0 : 50);
    if (strcmp(by, "address") == 0)
        s->order = INSTANCES_BY_ADDR;
    else if (strcmp(by, "shallow") == 0)
        s->order = INSTANCES_BY_SHALLOW;
    else if (strcmp(by, "retained") == 0)
        s->order = INSTANCES_BY_RETAINED;
    else
        return err_set(&r->err, -EINVAL, "Sort by address, shallow or retained.",
                       "instances cannot be sorted by %s", by);
    s->with_retained |= s->order == INSTANCES_BY_RETAINED;
    return 0;
}

static struct table *rows(const struct instances *s, const struct column columns[I_COLUMNS]) {
    struct table *t = table_new(columns, I_COLUMNS);
    for (size_t i = 0; i < s->list.n; i++) {
        const struct instance *one = &s->list.at[i];
        char addr[24];
        snprintf(addr, sizeof addr, "0x%llx", (unsigned long long)one->addr);
        table_row(t);
        table_text(t, I_ADDR, addr);
        table_u64(t, I_SHALLOW, one->shallow);
        if (s->with_retained && one->live)
            table_u64(t, I_RETAINED, one->retained);
        table_text(t, I_STATE, one->live ? "live" : "garbage");
        table_json_field(t, "live", json_boolean(one->live));
        table_text(t, I_CLASS, one->class);
        table_text(t, I_SUMMARY, one->summary);
    }
    return t;
}

static void print(struct run *r, const struct evidence *ev, const struct instances *s) {
    const struct column columns[I_COLUMNS] = {
        [I_ADDR] = {"addr", "ADDRESS", COL_TEXT},
        [I_SHALLOW] = {"shallow", "SHALLOW", COL_BYTES},
        [I_RETAINED] = {"retained", s->with_retained ? "RETAINED" : NULL, COL_BYTES},
        [I_STATE] = {NULL, s->query.which == QUERY_ALL ? "STATE" : NULL, COL_TEXT},
        [I_CLASS] = {"class", NULL, COL_TEXT},
        [I_SUMMARY] = {"summary", "OBJECT", COL_TEXT},
    };
    char count[FMT_MAX], more[FMT_MAX], bytes[FMT_MAX];
    struct table *t = rows(s, columns);
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "count", json_integer((json_int_t)s->count));
        json_object_set_new(r->doc, "shallow", json_integer((json_int_t)s->shallow));
        json_object_set_new(r->doc, "instances", table_to_json(t));
    } else {
        if (s->list.n)
            table_print(t, r->out, r->width);
        if (s->count > s->list.n)
            fprintf(r->out, "and %s more (--limit=0 shows all)\n",
                    fmt_count(more, s->count - s->list.n));
        fprintf(r->out, "%s%s object%s, %s\n\n", s->list.n ? "\n" : "", fmt_count(count, s->count),
                s->count == 1 ? "" : "s", fmt_bytes(bytes, s->shallow));
        document_footer(r->out, ev);
    }
    table_free(t);
}

static int run_instances(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct instances s = {0};
    size_t n = opt_args(r->opts, &args);
    int rc = ask(r, n > 1 ? args[1] : NULL, &s);
    if (rc == 0)
        rc = look_at_heap(r, args[0], &(struct v8_visit){&s, instances_see}, &ev);
    if (rc == 0) {
        print(r, &ev, &s);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
        evidence_done(&ev);
    }
    instances_done(&s);
    return rc;
}

static const struct opt opts[] = {
    {"details", 'd', OPT_FLAG, NULL, "the first properties, elements or entries of each"},
    {"limit", 'n', OPT_U64, "N", "at most so many; 0: all (text: 50)"},
    {"sort", 's', OPT_STRING, "BY", "address (default), shallow, retained"},
    {"retained", 0, OPT_FLAG, NULL, "with retained sizes: three times as slow"},
    QUERY_OPTS,
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_instances = {
    .name = "instances",
    .args = "TARGET [NAME]",
    .group = GROUP_HEAP,
    .summary = "the objects of a class one by one, with their values",
    .help =
        "Lists objects by address, each with its value in one line: those of the class NAME (as\n"
        "`memwhy objects` calls it), or those that the options choose; live ones, if --garbage\n"
        "or --all does not say otherwise. An address can be given to `memwhy inspect`, `refs`,\n"
        "`path` and `retained`. V8 moves objects of a running process: to ask on about the same\n"
        "object take addresses from a core or capture (`memwhy capture`).\n"
        "\n"
        "  $ memwhy instances 2043476 Session            all Sessions\n"
        "  $ memwhy instances core Object -d             with the first of what each holds\n"
        "  $ memwhy instances core '*' -w 'size>1M'      whatever is larger than 1 MiB\n"
        "  $ memwhy instances core Array -s retained     the arrays that hold most first\n"
        "\n" QUERY_HELP "\n"
        "Exit code 4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_instances,
};
