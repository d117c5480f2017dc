/* memwhy objects: the JavaScript heap by class. */
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "collect/histogram.h"
#include "report/document.h"
#include <errno.h>
#include <string.h>

enum { O_NAME, O_COUNT, O_SHALLOW, O_RETAINED, O_OFF_HEAP, O_GARBAGE_COUNT, O_GARBAGE, O_COLUMNS };

static const struct column all_columns[O_COLUMNS] = {
    [O_NAME] = {"name", "CLASS", COL_TEXT},
    [O_COUNT] = {"count", "COUNT", COL_COUNT},
    [O_SHALLOW] = {"shallow", "SHALLOW", COL_BYTES},
    [O_RETAINED] = {"retained", "RETAINED", COL_BYTES},
    [O_OFF_HEAP] = {"off_heap", "OFF-HEAP", COL_BYTES},
    [O_GARBAGE_COUNT] = {"garbage_count", NULL, COL_COUNT},
    [O_GARBAGE] = {"garbage_bytes", "OF IT GARBAGE", COL_BYTES},
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

static struct table *rows(const struct histogram *h, const char *pattern, uint64_t most,
                          uint64_t *ret_more) {
    struct table *t = table_new(all_columns, O_COLUMNS);
    *ret_more = 0;
    for (size_t i = 0; i < h->classes.n; i++) {
        const struct histogram_class *c = &h->classes.at[i];
        if (pattern && !strstr(c->name, pattern))
            continue;
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
        table_u64(t, O_GARBAGE_COUNT, c->garbage_count);
        table_u64(t, O_GARBAGE, c->garbage_bytes);
    }
    return t;
}

static void print(struct run *r, const struct evidence *ev, const struct histogram *h) {
    enum { MOST = 30 };
    uint64_t more, most = opt_u64(r->opts, "top", r->json ? 0 : MOST);
    struct table *t = rows(h, opt_string(r->opts, "class", NULL), most, &more);
    if (r->json) {
        document_common(r->doc, ev);
        json_object_set_new(r->doc, "classes", table_to_json(t));
    } else {
        table_print(t, r->out, r->width);
        if (more)
            fprintf(r->out, "and %llu more classes (--top=0 shows all)\n",
                    (unsigned long long)more);
        fputs("\n", r->out);
        document_footer(r->out, ev);
    }
    table_free(t);
}

static int run_objects(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct histogram h = {.with_retained = !opt_flag(r->opts, "no-retained")};
    opt_args(r->opts, &args);
    int rc = look_at_heap(r, args[0], &(struct v8_visit){&h, histogram_see}, &ev);
    if (rc < 0)
        return rc;
    rc = sort(r, &h);
    if (rc == 0) {
        print(r, &ev, &h);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
    }
    histogram_done(&h);
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"sort", 's', OPT_STRING, "BY", "retained (default), shallow, count, off-heap, garbage, name"},
    {"top", 'n', OPT_U64, "N", "at most so many classes; 0: all (text: 30)"},
    {"class", 'c', OPT_STRING, "TEXT", "only classes with TEXT in their name"},
    {"no-retained", 0, OPT_FLAG, NULL, "without retained sizes: three times as fast"},
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
        "  $ memwhy objects -c Session 2043476    one class\n"
        "\n"
        "Exit code 4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_objects,
};
