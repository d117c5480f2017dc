/* memwhy objects: the JavaScript heap by class. */
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/query_opts.h"
#include "collect/histogram.h"
#include "report/document.h"
#include <errno.h>
#include <string.h>

enum {
    O_NAME,
    O_COUNT,
    O_SHALLOW,
    O_RETAINED,
    O_OFF_HEAP,
    O_GARBAGE_COUNT,
    O_GARBAGE,
    O_SHAPE,
    O_PROPERTIES,
    O_WHERE,
    O_COLUMNS
};

static const struct column all_columns[O_COLUMNS] = {
    [O_NAME] = {"name", "CLASS", COL_TEXT},
    [O_COUNT] = {"count", "COUNT", COL_COUNT},
    [O_SHALLOW] = {"shallow", "SHALLOW", COL_BYTES},
    [O_RETAINED] = {"retained", "RETAINED", COL_BYTES},
    [O_OFF_HEAP] = {"off_heap", "OFF-HEAP", COL_BYTES},
    [O_GARBAGE_COUNT] = {"garbage_count", NULL, COL_COUNT},
    [O_GARBAGE] = {"garbage_bytes", "OF IT GARBAGE", COL_BYTES},
    [O_SHAPE] = {"shape", NULL, COL_TEXT},
    [O_PROPERTIES] = {"properties", NULL, COL_TEXT},
    [O_WHERE] = {NULL, NULL, COL_TEXT},
};

static int descending(uint64_t x, uint64_t y, const char *a, const char *b) {
    return x != y ? (x > y ? -1 : 1) : strcmp(a, b);
}
#define BY(field)                                                                                  \
    static int by_##field(const void *a, const void *b) {                                          \
        const struct histogram_class *x = a, *y = b;                                               \
        return descending(x->field, y->field, x->name, y->name);                                   \
    }
BY(retained)
BY(shallow)
BY(count)
BY(off_heap)
BY(garbage_bytes)

static int by_name(const void *a, const void *b) {
    const struct histogram_class *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static const struct {
    const char *name;
    int (*compare)(const void *a, const void *b);
} orders[] = {
    {"retained", by_retained}, {"shallow", by_shallow},       {"count", by_count},
    {"off-heap", by_off_heap}, {"garbage", by_garbage_bytes}, {"name", by_name},
};

static int sort(struct run *r, struct histogram *h) {
    const char *by = opt_string(r->opts, "sort", h->with_retained ? "retained" : "shallow");
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (strcmp(by, orders[i].name) == 0) {
            vec_sort(&h->classes, orders[i].compare);
            return 0;
        }
    return err_set(&r->err, -EINVAL, "Sort by retained, shallow, count, off-heap, garbage or name.",
                   "objects cannot be sorted by %s", by);
}

/* What tells a row from others of the same class. */
static void put_details(struct table *t, const struct histogram_class *c, size_t shape,
                        size_t properties, size_t where) {
    if (c->shape) {
        char addr[24];
        snprintf(addr, sizeof addr, "0x%llx", (unsigned long long)c->shape);
        table_text(t, shape, addr);
    }
    if (c->properties)
        table_text(t, properties, c->properties);
    if (!c->script)
        return;
    cleanup_free char *place =
        c->line ? mem_printf("%s:%u", c->script, c->line) : mem_strdup(c->script);
    table_text(t, where, place);
    table_json_field(t, "script", text_json(c->script));
    if (c->line)
        table_json_field(t, "line", json_integer(c->line));
}

static struct table *rows(const struct histogram *h, const struct column columns[O_COLUMNS],
                          uint64_t most, uint64_t *ret_more) {
    struct table *t = table_new(columns, O_COLUMNS);
    *ret_more = 0;
    for (size_t i = 0; i < h->classes.n; i++) {
        const struct histogram_class *c = &h->classes.at[i];
        if (most && table_rows(t) >= most) {
            ++*ret_more;
            continue;
        }
        table_row(t);
        table_text(t, O_NAME, c->name);
        table_u64(t, O_COUNT, c->count);
        table_u64(t, O_SHALLOW, c->shallow);
        if (h->with_retained)
            table_u64(t, O_RETAINED, c->retained);
        table_u64(t, O_OFF_HEAP, c->off_heap);
        if (!h->without_liveness) {
            table_u64(t, O_GARBAGE_COUNT, c->garbage_count);
            table_u64(t, O_GARBAGE, c->garbage_bytes);
        }
        put_details(t, c, O_SHAPE, O_PROPERTIES, O_WHERE);
    }
    return t;
}

static void say_more(struct run *r, uint64_t more) {
    char count[FMT_MAX];
    if (more)
        fprintf(r->out, "and %s more (--top=0 shows all)\n", fmt_count(count, more));
    fputs("\n", r->out);
}

static uint64_t most_rows(const struct run *r) {
    enum { MOST = 30 };
    return opt_u64(r->opts, "top", r->json ? 0 : MOST);
}

static void print(struct run *r, const struct evidence *ev, const struct histogram *h) {
    uint64_t more;
    struct column columns[O_COLUMNS];
    memcpy(columns, all_columns, sizeof columns);
    if (h->by == HISTOGRAM_BY_SHAPE) {
        columns[O_SHAPE].title = "SHAPE";
        columns[O_PROPERTIES].title = "PROPERTIES";
    } else if (h->by == HISTOGRAM_BY_SCRIPT) {
        columns[O_WHERE].title = "DEFINED AT";
    }
    if (!h->with_retained)
        columns[O_RETAINED].title = NULL;
    if (h->without_liveness)
        columns[O_GARBAGE].title = NULL;
    struct table *t = rows(h, columns, most_rows(r), &more);
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "classes", table_to_json(t));
    } else {
        table_print(t, r->out, r->width);
        say_more(r, more);
        if (h->without_liveness)
            fputs("What of it is garbage was not asked (--no-liveness).\n", r->out);
        document_footer(r->out, ev);
    }
    table_free(t);
}

/* ---- growth ---- */

enum { G_NAME, G_THEN, G_NOW, G_DELTA, G_BYTES, G_SHAPE, G_PROPERTIES, G_WHERE, G_COLUMNS };

static void print_growth(struct run *r, const struct evidence *ev, const struct histogram *then,
                         const struct histogram *now) {
    const struct column columns[G_COLUMNS] = {
        [G_NAME] = {"name", "CLASS", COL_TEXT},
        [G_THEN] = {"count_then", "THEN", COL_COUNT},
        [G_NOW] = {"count_now", "NOW", COL_COUNT},
        [G_DELTA] = {"count_delta", "MORE", COL_COUNT},
        [G_BYTES] = {"bytes_delta", "BYTES", COL_DELTA},
        [G_SHAPE] = {NULL, NULL, COL_TEXT},
        [G_PROPERTIES] = {"properties", now->by == HISTOGRAM_BY_SHAPE ? "PROPERTIES" : NULL,
                          COL_TEXT},
        [G_WHERE] = {NULL, now->by == HISTOGRAM_BY_SCRIPT ? "DEFINED AT" : NULL, COL_TEXT},
    };
    struct histogram_growth_list growth;
    uint64_t most = most_rows(r), more = 0;
    histogram_compare(then, now, &growth);
    struct table *t = table_new(columns, G_COLUMNS);
    for (size_t i = 0; i < growth.list.n; i++) {
        const struct histogram_growth *g = &growth.list.at[i];
        const struct histogram_class *c = g->now ? g->now : g->then;
        if (!r->json && g->bytes_delta <= 0 && g->count_delta <= 0)
            continue; /* shrunk: for scripts only */
        if (most && table_rows(t) >= most) {
            more++;
            continue;
        }
        table_row(t);
        table_text(t, G_NAME, c->name);
        table_u64(t, G_THEN, g->count_then);
        table_u64(t, G_NOW, g->count_now);
        table_i64(t, G_DELTA, g->count_delta);
        table_i64(t, G_BYTES, g->bytes_delta);
        put_details(t, c, G_SHAPE, G_PROPERTIES, G_WHERE);
    }
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "growing", table_to_json(t));
    } else {
        if (table_rows(t))
            table_print(t, r->out, r->width);
        else
            fputs("Nothing has grown.\n", r->out);
        say_more(r, more);
        document_footer(r->out, ev);
    }
    table_free(t);
    vec_free(&growth.list);
}

static int look_for_histogram(struct run *r, const char *target, struct histogram *h,
                              struct evidence *ev) {
    const struct v8_visit visit = {h, histogram_see};
    return h->without_liveness ? look_at_shapes(r, target, &visit, ev)
                               : look_at_heap(r, target, &visit, ev);
}

static int incomplete(const struct evidence *ev) {
    return ev->v8.unwalked_bytes || ev->v8.in_collection ? 4 : 0;
}

/* First the earlier one: a file does not change while the other is read. */
static int run_growing(struct run *r, const char *earlier, const char *target,
                       const struct histogram *question) {
    struct histogram then = *question, now = *question;
    struct evidence before, ev;
    int rc = look_for_histogram(r, earlier, &then, &before);
    if (rc == 0) {
        int unsure = incomplete(&before);
        evidence_done(&before);
        rc = look_for_histogram(r, target, &now, &ev);
        if (rc == 0) {
            print_growth(r, &ev, &then, &now);
            rc = unsure ? unsure : incomplete(&ev);
            evidence_done(&ev);
        }
    }
    histogram_done(&then);
    histogram_done(&now);
    return rc;
}

static int ask(struct run *r, struct histogram *h) {
    static const char *const ways[] = {[HISTOGRAM_BY_CLASS] = "class",
                                       [HISTOGRAM_BY_SHAPE] = "shape",
                                       [HISTOGRAM_BY_SCRIPT] = "script"};
    const char *by = opt_string(r->opts, "by", "class");
    int rc = query_from_opts(r, QUERY_ALL, &h->query);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(by, ways[i]) == 0) {
            h->by = (enum histogram_by)i;
            return 0;
        }
    return err_set(&r->err, -EINVAL, "Give --by=class, --by=shape or --by=script.",
                   "objects cannot be counted by %s", by);
}

/* What needs to know of every single object, or what lives. */
static int check_without_liveness(struct run *r, const struct histogram *h) {
    static const char *const flags[] = {"live", "garbage"};
    static const char *const texts[] = {"growing", "script", "retained-by", "where"};
    const char *by = opt_string(r->opts, "sort", ""), *clash = NULL;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (opt_flag(r->opts, flags[i]))
            clash = flags[i];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (opt_string(r->opts, texts[i], NULL))
            clash = texts[i];
    if (h->by == HISTOGRAM_BY_SCRIPT)
        clash = "by=script";
    if (strcmp(by, "retained") == 0 || strcmp(by, "garbage") == 0)
        clash = "sort";
    return clash
               ? err_set(&r->err, -EINVAL, "Leave one of them out.",
                         "with --no-liveness single objects are not looked at, and --%s needs that",
                         clash)
               : 0;
}

static int run_objects(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct histogram h = {0};
    const char *earlier = opt_string(r->opts, "growing", NULL);
    opt_args(r->opts, &args);
    int rc = ask(r, &h);
    h.without_liveness = opt_flag(r->opts, "no-liveness");
    if (rc == 0 && h.without_liveness)
        rc = check_without_liveness(r, &h);
    if (rc < 0)
        return rc;
    if (earlier)
        return run_growing(r, earlier, args[0], &h);
    h.with_retained = !h.without_liveness && !opt_flag(r->opts, "no-retained");
    rc = look_for_histogram(r, args[0], &h, &ev);
    if (rc == 0) {
        rc = sort(r, &h);
        if (rc == 0) {
            print(r, &ev, &h);
            rc = incomplete(&ev);
        }
        evidence_done(&ev);
    }
    histogram_done(&h);
    return rc;
}

static const struct opt opts[] = {
    {"sort", 's', OPT_STRING, "BY", "retained (default), shallow, count, off-heap, garbage, name"},
    {"top", 'n', OPT_U64, "N", "at most so many classes; 0: all (text: 30)"},
    {"by", 'b', OPT_STRING, "WHAT", "class (default), shape, script"},
    {"growing", 'g', OPT_STRING, "A",
     "what there is more of than in A, an earlier core or capture"},
    {"no-retained", 0, OPT_FLAG, NULL, "without retained sizes: three times as fast"},
    {"no-liveness", 0, OPT_FLAG, NULL, "nor what is garbage: several times as fast again"},
    QUERY_OPTS,
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_objects = {
    .name = "objects",
    .args = "TARGET",
    .group = GROUP_HEAP,
    .summary = "what is on the JavaScript heap, by class",
    .help =
        "Counts the objects of all isolates by the name of their constructor, as the Summary of\n"
        "DevTools does, without stopping the process or collecting first: what would be freed\n"
        "by a collection is counted too, and shown as garbage. SHALLOW are the bytes of the\n"
        "objects alone, RETAINED what would go with the live ones, OFF-HEAP what they hold\n"
        "outside the heap (Buffers, external strings). Names in brackets are V8's own kinds:\n"
        "(string), (array) the elements and properties of objects, (compiled code), (object\n"
        "shape), (system) the rest.\n"
        "\n"
        "  $ memwhy objects 2043476               who holds most\n"
        "  $ memwhy objects --sort=count core     of a core file, the most numerous first\n"
        "  $ memwhy objects -c 'Sess*' 2043476    some classes\n"
        "  $ memwhy objects --growing a.core 2043476   what has grown since a.core was taken\n"
        "\n"
        "--by=shape tells objects of a class apart by their properties (V8's hidden classes),\n"
        "--by=script by the script and line their constructor is defined at, and functions by\n"
        "where they are. --growing counts live objects only, and shows what there is more of.\n"
        "\n"
        "On a heap of gigabytes retained sizes take seconds. --no-retained leaves them out,\n"
        "--no-liveness also what is garbage: then all objects are counted in one pass, by class\n"
        "or shape, which takes the least time and memory.\n"
        "\n" QUERY_HELP "\n"
        "Exit code 4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_objects,
};
