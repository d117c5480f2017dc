/* memwhy map: every region of the address space, what of it is in memory, and whose it is. */
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/map_rows.h"
#include "report/document.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { COMMON_SIZES = 10 };

static const struct opt opts[] = {
    {"all", 'a', OPT_FLAG, NULL, "inaccessible reservations too, and every piece on its own"},
    {"owner", 'w', OPT_STRING, "PREFIX", "only owners that begin so: v8, malloc/arena, unknown"},
    {"pmap", 'x', OPT_FLAG, NULL, "the columns of pmap -x, one line per mapping"},
    {"sizes", 'S', OPT_FLAG, NULL, "how many anonymous mappings there are of which size"},
    {"sort", 's', OPT_STRING, "KEY", "by addr (as without it), size or rss"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {NULL},
};

enum { M_RANGE, M_SIZE, M_RESIDENT, M_PERMS, M_OWNER, M_NAME, M_START, M_END, M_OFFSET, M_PIECES };

static const struct column row_columns[] = {
    [M_RANGE] = {NULL, "ADDRESS", COL_TEXT},
    [M_SIZE] = {"size_bytes", "SIZE", COL_BYTES},
    [M_RESIDENT] = {"resident_bytes", "RESIDENT", COL_BYTES},
    [M_PERMS] = {"perms", "PERMS", COL_TEXT},
    [M_OWNER] = {"owner", "OWNER", COL_TEXT},
    [M_NAME] = {"name", "NAME", COL_TEXT},
    [M_START] = {"start", NULL, COL_ADDR},
    [M_END] = {"end", NULL, COL_ADDR},
    [M_OFFSET] = {"offset", NULL, COL_BYTES},
    [M_PIECES] = {"pieces", NULL, COL_COUNT},
};

static struct table *rows_table(const struct map_rows *rows) {
    struct table *t = table_new(row_columns, sizeof row_columns / sizeof *row_columns);
    for (size_t i = 0; i < rows->list.n; i++) {
        const struct map_row *row = &rows->list.at[i];
        char range[48], perms[5];
        map_perms(row->region, perms);
        snprintf(range, sizeof range, "%012" PRIx64 "-%012" PRIx64, row->start, row->end);
        table_row(t);
        table_text(t, M_RANGE, range);
        table_u64(t, M_SIZE, row->end - row->start);
        if (rows->has_resident)
            table_u64(t, M_RESIDENT, row->resident_bytes);
        table_text(t, M_PERMS, perms);
        if (row->owner)
            table_text(t, M_OWNER, row->owner);
        if (row->region->name[0])
            table_text(t, M_NAME, row->region->name);
        table_u64(t, M_START, row->start);
        table_u64(t, M_END, row->end);
        if (row->region->kind == REGION_FILE)
            table_u64(t, M_OFFSET, row->region->offset + (row->start - row->region->start));
        table_u64(t, M_PIECES, row->pieces);
    }
    return t;
}

static void print_rows(struct run *r, const struct evidence *ev, const struct map_choice *choice) {
    struct map_rows rows = {0};
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];
    uint64_t size = 0, resident = 0;
    map_rows_collect(ev, choice, &rows);
    struct table *t = rows_table(&rows);
    table_print(t, r->out, r->width);
    for (size_t i = 0; i < rows.list.n; i++) {
        size += rows.list.at[i].end - rows.list.at[i].start;
        resident += rows.list.at[i].resident_bytes;
    }
    fprintf(r->out, "\n%s stretches, %s of address space", fmt_count(a, rows.list.n),
            fmt_bytes(b, size));
    if (rows.has_resident)
        fprintf(r->out, ", %s in memory", fmt_bytes(c, resident));
    fputs(".\n", r->out);
    table_free(t);
    map_rows_done(&rows);
}

/* --- pmap -x --- */

struct pmap_line {
    const struct region *region;
    uint64_t resident_bytes, dirty_bytes;
    bool has_resident, has_dirty;
};

/* smaps, as it was just before the stop; without it, the stopped moment's regions. */
static struct pmap_line pmap_line(const struct evidence *ev, size_t i) {
    struct pmap_line l = {0};
    uint64_t shared, private;
    if (ev->usages) {
        const struct usage *u = &ev->usages[i];
        l.region = &ev->usage_regions.at[i];
        l.has_resident = usage_get(u, USAGE_RSS, &l.resident_bytes);
        l.has_dirty = usage_get(u, USAGE_SHARED_DIRTY, &shared) &&
                      usage_get(u, USAGE_PRIVATE_DIRTY, &private);
        l.dirty_bytes = l.has_dirty ? shared + private : 0;
    } else {
        l.region = &ev->regions.at[i];
        l.has_resident = ev->has_residency;
        l.resident_bytes = residency_bytes(&ev->residency, l.region->start, l.region->end);
    }
    return l;
}

static void kib(char buf[FMT_MAX], uint64_t bytes, bool known) {
    snprintf(buf, FMT_MAX, known ? "%" PRIu64 : "-", bytes / 1024);
}

static char *pmap_name(const struct region *r) {
    const char *slash = strrchr(r->name, '/');
    if (r->kind == REGION_STACK)
        return mem_strdup("  [ stack ]");
    if (r->kind == REGION_HEAP || !r->name[0])
        return mem_strdup("  [ anon ]");
    cleanup_free char *clean = text_printable(slash && slash[1] ? slash + 1 : r->name);
    return mem_printf("%s", clean);
}

static void print_pmap_line(struct run *r, const struct evidence *ev, const struct pmap_line *l) {
    char rss[FMT_MAX], dirty[FMT_MAX];
    unsigned others = 0;
    cleanup_free char *name = pmap_name(l->region);
    const char *owner = map_main_owner(ev, l->region->start, l->region->end, &others);
    const struct region *g = l->region;
    kib(rss, l->resident_bytes, l->has_resident);
    kib(dirty, l->dirty_bytes, l->has_dirty);
    fprintf(r->out, "%016" PRIx64 " %7" PRIu64 " %7s %7s %c%c%c%c- %-20s", g->start,
            (g->end - g->start) / 1024, rss, dirty, g->prot & REGION_R ? 'r' : '-',
            g->prot & REGION_W ? 'w' : '-', g->prot & REGION_X ? 'x' : '-', g->shared ? 's' : '-',
            name);
    if (owner && others)
        fprintf(r->out, " %s +%u", owner, others);
    else if (owner)
        fprintf(r->out, " %s", owner);
    fputc('\n', r->out);
}

/* The layout that people's scripts and eyes know; the owner is at the end, out of their way. */
static void print_pmap(struct run *r, const struct evidence *ev, const struct map_choice *choice) {
    size_t n = ev->usages ? ev->usage_regions.n : ev->regions.n;
    uint64_t size = 0, rss = 0, dirty = 0;
    bool has_dirty = true;
    char a[FMT_MAX], b[FMT_MAX];
    fprintf(r->out, "%-16s %7s %7s %7s %-5s %-20s %s\n", "Address", "Kbytes", "RSS", "Dirty",
            "Mode", "Mapping", "Owner");
    for (size_t i = 0; i < n; i++) {
        struct pmap_line l = pmap_line(ev, i);
        const char *owner = map_main_owner(ev, l.region->start, l.region->end, NULL);
        if (choice->owner && (!owner || strncmp(owner, choice->owner, strlen(choice->owner)) != 0))
            continue;
        print_pmap_line(r, ev, &l);
        size += l.region->end - l.region->start;
        rss += l.resident_bytes;
        dirty += l.dirty_bytes;
        has_dirty &= l.has_dirty;
    }
    kib(a, rss, ev->usages || ev->has_residency);
    kib(b, dirty, has_dirty);
    fprintf(r->out, "---------------- ------- ------- -------\n%-16s %7" PRIu64 " %7s %7s\n",
            "total kB", size / 1024, a, b);
}

/* --- sizes --- */

static const char *const bin_names[MAP_BINS] = {"<64KB", "64KB-1MB", ">1MB"};

static void print_sizes(struct run *r, const struct evidence *ev) {
    static const struct column columns[] = {
        {NULL, "SIZE", COL_TEXT},      {NULL, "MAPPINGS", COL_COUNT}, {NULL, "TOTAL", COL_BYTES},
        {NULL, "RESIDENT", COL_BYTES}, {NULL, "OWNER", COL_TEXT},
    };
    struct map_sizes s = {0};
    char size[FMT_MAX];
    map_sizes_collect(ev, &s);
    struct table *t = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < MAP_BINS + s.exact.n && i < MAP_BINS + COMMON_SIZES; i++) {
        bool is_bin = i < MAP_BINS;
        const struct map_size *m = is_bin ? &s.bins[i] : &s.exact.at[i - MAP_BINS];
        if (i == MAP_BINS)
            table_rule(t);
        table_row(t);
        table_text(t, 0, is_bin ? bin_names[i] : fmt_bytes(size, m->size_bytes));
        table_u64(t, 1, m->count);
        table_u64(t, 2, is_bin ? m->size_bytes : m->size_bytes * m->count);
        if (ev->has_residency)
            table_u64(t, 3, m->resident_bytes);
        if (m->owner[0])
            table_text(t, 4, m->owner);
    }
    fputs("Anonymous mappings by size, and the most common exact sizes:\n\n", r->out);
    table_print(t, r->out, r->width);
    table_free(t);
    map_sizes_done(&s);
}

static json_t *size_json(const struct evidence *ev, const char *key, uint64_t size,
                         const struct map_size *m, uint64_t total) {
    json_t *o = json_object();
    json_object_set_new(o, key, json_integer((json_int_t)size));
    json_object_set_new(o, "count", json_integer((json_int_t)m->count));
    json_object_set_new(o, "bytes", json_integer((json_int_t)total));
    if (ev->has_residency)
        json_object_set_new(o, "resident_bytes", json_integer((json_int_t)m->resident_bytes));
    if (m->owner[0])
        json_object_set_new(o, "owner", text_json(m->owner));
    return o;
}

static json_t *sizes_json(const struct evidence *ev) {
    static const uint64_t froms[MAP_BINS] = {0, MAP_SMALL_BYTES, MAP_MIDDLE_BYTES + 1};
    struct map_sizes s = {0};
    json_t *o = json_object(), *bins = json_array(), *exact = json_array();
    uint64_t count = 0;
    map_sizes_collect(ev, &s);
    for (int i = 0; i < MAP_BINS; i++) {
        json_t *bin = size_json(ev, "from_bytes", froms[i], &s.bins[i], s.bins[i].size_bytes);
        json_object_set_new(bin, "name", json_string(bin_names[i]));
        json_array_append_new(bins, bin);
        count += s.bins[i].count;
    }
    for (size_t i = 0; i < s.exact.n && i < 10 * COMMON_SIZES; i++) {
        const struct map_size *m = &s.exact.at[i];
        json_array_append_new(
            exact, size_json(ev, "size_bytes", m->size_bytes, m, m->size_bytes * m->count));
    }
    json_object_set_new(o, "mappings", json_integer((json_int_t)count));
    json_object_set_new(o, "bins", bins);
    json_object_set_new(o, "exact", exact);
    map_sizes_done(&s);
    return o;
}

/* --- the command --- */

static void to_json(struct run *r, const struct evidence *ev, const struct map_choice *choice) {
    struct map_rows rows = {0};
    map_rows_collect(ev, choice, &rows);
    struct table *t = rows_table(&rows);
    document_common(r->doc, ev);
    if (ev->has_account && ev->account.rss_bytes)
        json_object_set_new(r->doc, "rss_bytes", json_integer((json_int_t)ev->account.rss_bytes));
    json_object_set_new(r->doc, "regions", table_to_json(t));
    json_object_set_new(r->doc, "sizes", sizes_json(ev));
    table_free(t);
    map_rows_done(&rows);
}

static int parse_choice(struct run *r, struct map_choice *ret) {
    static const char *const keys[] = {
        [MAP_BY_ADDRESS] = "addr", [MAP_BY_SIZE] = "size", [MAP_BY_RESIDENT] = "rss"};
    const char *key = opt_string(r->opts, "sort", "addr");
    *ret = (struct map_choice){.all = opt_flag(r->opts, "all"),
                               .owner = opt_string(r->opts, "owner", NULL)};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) {
            ret->order = (enum map_order)i;
            return 0;
        }
    return err_set(&r->err, -EINVAL, "It sorts by addr, size or rss.", "--sort %s is unknown.",
                   key);
}

static int run_map(struct run *r) {
    const char *const *args;
    struct map_choice choice;
    struct evidence ev;
    opt_args(r->opts, &args);
    int rc = parse_choice(r, &choice);
    if (rc == 0)
        rc = look_at(r, args[0], NEED_ACCOUNT | NEED_SMAPS, &ev);
    if (rc < 0)
        return rc;
    if (r->json) {
        to_json(r, &ev, &choice);
    } else {
        if (opt_flag(r->opts, "sizes"))
            print_sizes(r, &ev);
        else if (opt_flag(r->opts, "pmap"))
            print_pmap(r, &ev, &choice);
        else
            print_rows(r, &ev, &choice);
        fputc('\n', r->out);
        document_footer(r->out, &ev);
    }
    evidence_done(&ev);
    return 0;
}

const struct command cmd_map = {
    .name = "map",
    .args = "TARGET",
    .group = GROUP_ACCOUNT,
    .summary = "every region with its owner; sizes of mappings; as pmap -x",
    .help =
        "Lists the address space with what the kernel's own listings lack: whose each stretch is.\n"
        "One mapping may have several owners (a V8 page beside a thread's arena), one line each;\n"
        "equal neighbours are one line. Owners are those of `memwhy explain`: v8/ISOLATE/SPACE,\n"
        "v8/pool, malloc/arena-N, malloc/mmapped, arraybuffers/mmap, stacks/THREAD, code,\n"
        "libraries, file, shared-memory, unknown. Reservations that nobody can read or write, and\n"
        "of which nothing is in memory, are shown with --all.\n"
        "\n"
        "  $ memwhy map 2043476 --sort rss | head      the largest, by what is in memory\n"
        "  $ memwhy map 2043476 --sizes                anonymous mappings by size\n"
        "  $ memwhy map 2043476 -x --owner unknown     as pmap -x, only what has no known owner\n"
        "\n"
        "A thousand mappings of 256 KB are V8 pages: --sizes says so, and whether they are in\n"
        "use (v8/main/old) or pooled (v8/pool). A few of 64 MB are malloc's arenas of threads.\n",
    .opts = opts,
    .run = run_map,
};
