/* memwhy chunks: what the memory is that malloc has in use. */
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/malloc_notes.h"
#include "native/names.h"
#include "report/document.h"
#include <errno.h>

enum { ROWS = 40, EXIT_PARTIAL = 4 };

static const char *const hows[] = {[NATIVE_BY_ITSELF] = "itself",
                                   [NATIVE_BY_HOLDER] = "holder",
                                   [NATIVE_BY_ROOT] = "variable",
                                   [NATIVE_BY_HEAP] = "memory",
                                   [NATIVE_UNNAMED] = "unnamed"};

static void set_name(struct table *tb, const struct native_row *row) {
    static const char *const before[] = {[NATIVE_BY_ITSELF] = "",
                                         [NATIVE_BY_HOLDER] = "of ",
                                         [NATIVE_BY_ROOT] = "held by ",
                                         [NATIVE_BY_HEAP] = "held by ",
                                         [NATIVE_UNNAMED] = "begins with "};
    cleanup_free char *clean = text_printable(row->name);
    cleanup_free char *text = mem_printf("%s%s", before[row->how], clean);
    table_text(tb, 6, text);
}

static struct table *rows_table(const struct native_names *n, size_t most) {
    static const struct column columns[] = {
        {"count", "count", COL_COUNT},    {"bytes", "bytes", COL_BYTES},
        {"size", "each", COL_BYTES},      {"sample", "the largest", COL_ADDR},
        {"sample_size", "is", COL_BYTES}, {"by", "known by", COL_TEXT},
        {"name", "what", COL_TEXT},
    };
    struct table *tb = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < n->rows.n && i < most; i++) {
        const struct native_row *row = &n->rows.at[i];
        table_row(tb);
        table_u64(tb, 0, row->count);
        table_u64(tb, 1, row->bytes);
        if (row->size)
            table_u64(tb, 2, row->size);
        table_u64(tb, 3, row->sample);
        table_u64(tb, 4, row->sample_bytes);
        table_text(tb, 5, hows[row->how]);
        set_name(tb, row);
    }
    return tb;
}

static uint64_t named(const struct native_names *n) {
    return n->named[NATIVE_BY_ITSELF] + n->named[NATIVE_BY_HOLDER] + n->named[NATIVE_BY_ROOT];
}

static void print_json(struct run *r, const struct evidence *ev, const struct native_names *n,
                       const struct table *rows) {
    json_t *by = json_object();
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++)
        document_u64(by, hows[i], n->named[i]);
    document_common(r->doc, ev);
    document_u64(r->doc, "in_use_count", n->count);
    document_u64(r->doc, "in_use_bytes", n->bytes);
    document_u64(r->doc, "named_bytes", named(n));
    json_object_set_new(r->doc, "bytes_by", by);
    json_object_set_new(r->doc, "names", table_to_json(rows));
}

static void print_text(struct run *r, const struct evidence *ev, const struct native_names *n,
                       const struct table *rows) {
    char count[FMT_MAX], bytes[FMT_MAX], share[FMT_MAX], itself[FMT_MAX];
    fprintf(r->out, "%s chunks in use, %s; %s of the bytes have a name, %s by what is in them.\n\n",
            fmt_count(count, n->count), fmt_bytes(bytes, n->bytes),
            fmt_percent(share, named(n), n->bytes),
            fmt_percent(itself, n->named[NATIVE_BY_ITSELF], n->bytes));
    table_print(rows, r->out, r->width);
    if (table_rows(rows) < n->rows.n)
        fprintf(r->out, "%s smaller ones are not shown (--all).\n",
                fmt_count(count, n->rows.n - table_rows(rows)));
    fputc('\n', r->out);
    document_footer(r->out, ev);
}

static int run_chunks(struct run *r) {
    const char *const *args;
    struct evidence ev;
    struct native_names n = {0};
    opt_args(r->opts, &args);
    int rc = look_at_still(r, args[0], NEED_V8 | NEED_MALLOC | NEED_PIECES,
                           &(struct still_visit){&n, native_names_see}, &ev);
    if (rc < 0)
        return rc;
    if (!ev.has_malloc || ev.malloc.kind != MALLOC_GLIBC)
        return malloc_refuse(r, &ev);
    malloc_notes_add(&ev);
    struct table *rows = rows_table(&n, r->json || opt_flag(r->opts, "all") ? SIZE_MAX : ROWS);
    if (r->json)
        print_json(r, &ev, &n, rows);
    else
        print_text(r, &ev, &n, rows);
    table_free(rows);
    rc = malloc_census_complete(&ev.malloc) ? 0 : EXIT_PARTIAL;
    native_names_done(&n);
    evidence_done(&ev);
    return rc;
}

static const struct opt opts[] = {
    {"all", 'a', OPT_FLAG, NULL, "all names, also those that come behind the first 40"},
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_chunks = {
    .name = "chunks",
    .args = "TARGET",
    .group = GROUP_NATIVE,
    .summary = "what the memory is that malloc has in use, by name",
    .help =
        "Names each chunk as well as it can be:\n"
        "\n"
        "  by itself    its class in C++; what V8 says it is: an ArrayBuffer, an external string; "
        "a\n"
        "               structure of a library or a part of one, told by pointers that lead back "
        "to\n"
        "               it and sizes that agree (zlib's windows, connections of OpenSSL and their\n"
        "               buffers, certificates, requests of libuv, sessions of nghttp2, pages of\n"
        "               SQLite, ...); else its content (text, JSON, references of V8, DER, TLS\n"
        "               records). What could be chance is not named\n"
        "  by holder    \"of NAME\": the nearest chunk with a name that leads to it\n"
        "  by variable  \"held by NAME\": a variable of the binary or a library leads to it\n"
        "  by memory    all that is known is which memory leads to it; not counted as named\n"
        "  unnamed      lost (see `memwhy leaks`); shown by its first words and size\n"
        "\n"
        "Example\n"
        "  $ memwhy chunks 4711\n"
        "  58,120 chunks in use, 41.3 MiB; 97.2 % of the bytes have a name, 71.0 % by what is in\n"
        "  them.\n"
        "  Much \"of node::crypto::TLSWrap\": connections; much \"ArrayBuffer\": Buffers, which\n"
        "  `memwhy suspects` and `memwhy objects` follow on the JavaScript heap.\n",
    .opts = opts,
    .run = run_chunks,
};
