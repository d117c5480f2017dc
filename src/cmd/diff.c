#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/map_rows.h"
#include "cmd/region_changes.h"
#include "collect/recorded.h"
#include "model/account_diff.h"
#include "model/groups.h"
#include "report/document.h"

#include <errno.h>
#include <string.h>

enum { COL_WHAT, COL_A, COL_B, COL_D, COLUMNS };
enum { SHOWN = 20 };

static void add_row(struct table *t, const char *what, bool known_a, uint64_t a, bool known_b,
                    uint64_t b) {
    table_row(t);
    table_text(t, COL_WHAT, what);
    if (known_a)
        table_u64(t, COL_A, a);
    if (known_b)
        table_u64(t, COL_B, b);
    if (known_a && known_b)
        table_i64(t, COL_D, (int64_t)(b - a));
}

#define SIDES                                                                                      \
    {"a", "A", COL_BYTES}, {"b", "B", COL_BYTES}, {                                                \
        "delta", "B - A", COL_DELTA                                                                \
    }

static const struct column summary_columns[COLUMNS] = {{"name", "", COL_TEXT}, SIDES};
static const struct column group_columns[COLUMNS] = {{"group", "WHO HOLDS IT", COL_TEXT}, SIDES};
static const struct column owner_columns[COLUMNS] = {{"path", "OWNER", COL_TEXT}, SIDES};

/* --- the kernel's and V8's figures, as one would read them off smaps and memoryUsage() --- */

struct figures {
    struct usage usage;
    bool has_v8;
    uint64_t heap_total, heap_used, array_buffers, strings;
};

static struct figures figures_of(const struct evidence *ev) {
    struct figures f = {.has_v8 = ev->has_v8};
    if (ev->usages)
        f.usage = usage_sum(ev->usages, ev->usage_regions.n);
    for (size_t i = 0; i < ev->v8.isolates.n; i++) {
        const struct v8_isolate_census *iso = &ev->v8.isolates.at[i];
        f.heap_total += v8_heap_total(iso);
        f.heap_used += v8_heap_used(iso);
        f.array_buffers += iso->array_buffer_bytes;
        f.strings += iso->external_string_bytes;
    }
    return f;
}

static void add_usage(struct table *t, const char *what, enum usage_field field,
                      const struct figures *a, const struct figures *b) {
    uint64_t x = 0, y = 0;
    bool kx = usage_get(&a->usage, field, &x), ky = usage_get(&b->usage, field, &y);
    if (kx || ky)
        add_row(t, what, kx, x, ky, y);
}

/* Pss_Anon and Pss_File of smaps_rollup: smaps has them only per region, by its kind. */
static uint64_t pss_of(const struct evidence *ev, bool anonymous) {
    uint64_t sum = 0;
    for (size_t i = 0; ev->usages && i < ev->usage_regions.n; i++) {
        uint64_t pss = 0, rss = 0, anon = 0;
        const struct usage *u = &ev->usages[i];
        if (!usage_get(u, USAGE_PSS, &pss) || !usage_get(u, USAGE_RSS, &rss) || !rss)
            continue;
        usage_get(u, USAGE_ANONYMOUS, &anon);
        uint64_t part = anon < pss ? anon : pss; /* anonymous pages are private but after a fork */
        sum += anonymous ? part : pss - part;
    }
    return sum;
}

static struct table *summary(const struct evidence *a, const struct evidence *b) {
    struct table *t = table_new(summary_columns, COLUMNS);
    struct figures x = figures_of(a), y = figures_of(b);
    bool ua = a->usages, ub = b->usages, va = x.has_v8, vb = y.has_v8;
    add_row(t, "RSS", true, a->account.attributed_bytes, true, b->account.attributed_bytes);
    if (ua || ub) {
        add_row(t, "Pss_Anon", ua, pss_of(a, true), ub, pss_of(b, true));
        add_row(t, "Pss_File", ua, pss_of(a, false), ub, pss_of(b, false));
    }
    add_usage(t, "Shared_Clean", USAGE_SHARED_CLEAN, &x, &y);
    add_usage(t, "Private_Dirty", USAGE_PRIVATE_DIRTY, &x, &y);
    add_usage(t, "Swap", USAGE_SWAP, &x, &y);
    if (va || vb) {
        add_row(t, "heapTotal", va, x.heap_total, vb, y.heap_total);
        add_row(t, "heapUsed", va, x.heap_used, vb, y.heap_used);
        add_row(t, "arrayBuffers", va, x.array_buffers, vb, y.array_buffers);
        add_row(t, "external strings", va, x.strings, vb, y.strings);
    }
    return t;
}

static struct table *owners(const struct evidence *a, const struct evidence *b, bool all) {
    struct table *t = table_new(owner_columns, COLUMNS);
    struct account_diff d = {0};
    account_diff(&a->account, &b->account, &d);
    for (size_t i = 0; i < d.owners.n && (all || i < SHOWN); i++)
        add_row(t, d.owners.at[i].path, true, d.owners.at[i].a, true, d.owners.at[i].b);
    account_diff_done(&d);
    return t;
}

static struct table *group_rows(const struct evidence *a, const struct evidence *b) {
    struct table *t = table_new(group_columns, COLUMNS);
    struct account_groups x = account_groups_sum(&a->account), y = account_groups_sum(&b->account);
    for (int i = 0; i < ACCOUNT_GROUPS; i++)
        if (x.resident[i] || y.resident[i])
            add_row(t, account_group_title((enum account_group)i), true, x.resident[i], true,
                    y.resident[i]);
    return t;
}

/* --- regions, where both are one process --- */

enum { R_CHANGE, R_START, R_OWNER, R_NAME, R_SIZE_A, R_SIZE_B, R_IN_A, R_IN_B, R_DELTA, R_COLUMNS };
static const struct column region_columns[R_COLUMNS] = {
    [R_CHANGE] = {"change", "REGION", COL_TEXT},
    [R_START] = {"start", "START", COL_ADDR},
    [R_OWNER] = {"owner", "OWNER", COL_TEXT},
    [R_NAME] = {"name", "NAME", COL_TEXT},
    [R_SIZE_A] = {"size_a_bytes", "SIZE A", COL_BYTES},
    [R_SIZE_B] = {"size_b_bytes", "SIZE B", COL_BYTES},
    [R_IN_A] = {"resident_a_bytes", "RSS A", COL_BYTES},
    [R_IN_B] = {"resident_b_bytes", "RSS B", COL_BYTES},
    [R_DELTA] = {"resident_delta_bytes", "B - A", COL_DELTA},
};

static bool are_one_process(const struct evidence *a, const struct evidence *b) {
    return a->has_process && b->has_process && a->process.pid == b->process.pid &&
           a->process.started_ns == b->process.started_ns;
}

static struct table *region_rows(const struct evidence *a, const struct evidence *b, bool all) {
    struct table *t = table_new(region_columns, R_COLUMNS);
    struct region_changes c;
    region_changes_find(a, b, &c);
    for (size_t i = 0; i < c.list.n && (all || i < SHOWN); i++) {
        const struct region_change *k = &c.list.at[i];
        const struct region *r = k->b ? k->b : k->a;
        table_row(t);
        table_text(t, R_CHANGE, region_change_word(k->kind));
        table_u64(t, R_START, r->start);
        if (k->owner)
            table_text(t, R_OWNER, k->owner);
        if (r->name[0])
            table_text(t, R_NAME, r->name);
        if (k->a)
            table_u64(t, R_SIZE_A, k->a->end - k->a->start);
        if (k->b)
            table_u64(t, R_SIZE_B, k->b->end - k->b->start);
        if (!c.has_resident)
            continue;
        if (k->a)
            table_u64(t, R_IN_A, k->resident_a);
        if (k->b)
            table_u64(t, R_IN_B, k->resident_b);
        table_i64(t, R_DELTA, (int64_t)(k->resident_b - k->resident_a));
    }
    region_changes_done(&c);
    return t;
}

static void print(struct run *r, const struct evidence *a, const struct evidence *b) {
    bool all = r->json || opt_flag(r->opts, "all");
    struct table *tables[] = {summary(a, b), group_rows(a, b), owners(a, b, all),
                              are_one_process(a, b) ? region_rows(a, b, all) : NULL};
    static const char *const keys[] = {"summary", "groups", "owners", "regions"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables && tables[i]; i++) {
        if (r->json) {
            json_object_set_new(r->doc, keys[i], table_to_json(tables[i]));
        } else {
            table_print(tables[i], r->out, r->width);
            fputc('\n', r->out);
        }
        table_free(tables[i]);
    }
    if (!r->json) {
        fprintf(r->out, "A: ");
        document_footer(r->out, a);
        fprintf(r->out, "B: ");
        document_footer(r->out, b);
        return;
    }
    json_t *other = json_object();
    document_common(r->doc, a);
    document_common(other, b);
    json_object_set_new(r->doc, "b", other);
}

static int run_diff(struct run *r) {
    const char *const *args;
    const unsigned needs = NEED_V8 | NEED_MALLOC | NEED_ACCOUNT | NEED_SMAPS | NEED_PROCESS;
    cleanup_free char *first = NULL, *second = NULL;
    size_t n = opt_args(r->opts, &args);
    bool split = n == 1 && recorded_split(args[0], &first, &second);
    if (n != 2 && !split)
        return err_set(&r->err, -EINVAL, "For example, the healthy one first: memwhy diff 17 42",
                       "diff takes exactly two TARGETs, or two moments of a recording");
    struct evidence a, b;
    int rc = look_at(r, split ? first : args[0], needs, &a);
    if (rc < 0)
        return rc;
    rc = look_at(r, split ? second : args[1], needs, &b);
    if (rc == 0) {
        print(r, &a, &b);
        evidence_done(&b);
    }
    evidence_done(&a);
    return rc;
}

static const struct opt opts[] = {
    {"all", 'a', OPT_FLAG, NULL, "every owner, not only the 20 that differ most"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0},
};

const struct command cmd_diff = {
    .name = "diff",
    .args = "A [B]",
    .summary = "what differs between two processes, cores or moments, owner by owner",
    .help =
        "Looks at both and subtracts. The first table is what the kernel and V8 say of each, the\n"
        "second who holds it, the third every owner of the account, largest difference first. "
        "Where\n"
        "A and B are one process at two moments, a fourth has the regions that came, grew, shrank\n"
        "and went.\n"
        "\n"
        "  $ memwhy diff 1187 2043476          a healthy process and a sick one\n"
        "  $ memwhy diff core.before 2043476   a core from yesterday and the process now\n"
        "  $ memwhy diff rec.db:42@-3h..last   two deep looks of `memwhy record --deep-every`\n"
        "\n"
        "B - A is positive where B has more.",
    .opts = opts,
    .run = run_diff,
};
