#include "cmd/leaks_growing.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/look.h"
#include "cmd/malloc_notes.h"
#include "cmd/native_rows.h"
#include "native/growing.h"
#include "report/document.h"
#include <errno.h>
#include <string.h>

enum { ROWS = 25, KEEPERS_SHOWN = 2 };
enum { EXIT_FINDINGS = 1, EXIT_PARTIAL = 4 };

/* ---- one group ---- */

static uint64_t asked(const struct growing_group *g) {
    uint64_t n = 0;
    for (size_t i = 0; i < g->keepers.n; i++)
        n += g->keepers.at[i].count;
    return n;
}

/* "variable list of app (93.1 %), ZlibStream, from JavaScript's Zlib (6.9 %)". The caller frees it.
 */
static char *words_of_keepers(const struct growing_group *g) {
    char *text = NULL, share[FMT_MAX];
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    for (size_t i = 0; i < g->keepers.n && i < KEEPERS_SHOWN; i++)
        fprintf(f, "%s%s (%s)", i ? "; " : "", g->keepers.at[i].what,
                fmt_percent(share, g->keepers.at[i].count, asked(g)));
    if (g->keepers.n > KEEPERS_SHOWN)
        fprintf(f, "; %zu others", g->keepers.n - KEEPERS_SHOWN);
    if (!g->keepers.n)
        fputs("nothing: they are lost", f);
    fclose(f);
    return text;
}

static json_t *keepers_json(const struct growing_group *g) {
    json_t *list = json_array();
    for (size_t i = 0; i < g->keepers.n; i++) {
        const struct growing_keeper *k = &g->keepers.at[i];
        json_array_append_new(list, json_pack("{s:o, s:f}", "what", text_json(k->what), "share",
                                              (double)k->count / (double)asked(g)));
    }
    return list;
}

/* ---- all ---- */

enum { G_COUNT, G_BYTES, G_SIZE, G_LABEL, G_SAMPLE, G_KEEPERS, G_TEXT, GROUP_COLUMNS };

static void put_text(struct table *t, size_t column, const char *text) {
    if (!text)
        return;
    cleanup_free char *clean = text_printable(text);
    table_text(t, column, clean);
}

static struct table *groups_table(const struct growing *w, size_t most) {
    static const struct column columns[GROUP_COLUMNS] = {
        [G_COUNT] = {"count_delta", "more", COL_COUNT},
        [G_BYTES] = {"bytes_delta", "bytes", COL_DELTA},
        [G_SIZE] = {"size", "each", COL_BYTES},
        [G_LABEL] = {"label", "what", COL_TEXT},
        [G_SAMPLE] = {"sample", "one of them", COL_ADDR},
        [G_KEEPERS] = {NULL, "what points to the new ones", COL_TEXT},
        [G_TEXT] = {"text", "begins with", COL_TEXT},
    };
    struct table *t = table_new(columns, GROUP_COLUMNS);
    for (size_t i = 0; i < w->groups.n && i < most; i++) {
        const struct growing_group *g = &w->groups.at[i];
        cleanup_free char *keepers = words_of_keepers(g);
        table_row(t);
        table_u64(t, G_COUNT, g->count - g->count_before);
        table_i64(t, G_BYTES, (int64_t)(g->bytes - g->bytes_before));
        table_u64(t, G_SIZE, g->size);
        put_text(t, G_LABEL, g->label);
        table_u64(t, G_SAMPLE, g->sample);
        put_text(t, G_KEEPERS, keepers);
        put_text(t, G_TEXT, g->text);
        const uint64_t counts[] = {g->count_before, g->count, g->bytes_before, g->bytes,
                                   g->fresh,        g->gone,  g->lost};
        static const char *const names[] = {"count_a",   "count_b",    "bytes_a",   "bytes_b",
                                            "new_count", "gone_count", "lost_count"};
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            table_json_field(t, names[k], json_integer((json_int_t)counts[k]));
        if (g->shape)
            table_json_field(t, "shape", json_string(g->shape));
        table_json_field(t, "held_by", keepers_json(g));
    }
    return t;
}

static void print_text(struct run *r, const struct evidence *ev, const struct growing *w) {
    char before[FMT_MAX], now[FMT_MAX], count[FMT_MAX];
    struct table *t = groups_table(w, opt_flag(r->opts, "all") ? SIZE_MAX : ROWS);
    fprintf(r->out, "In use: %s at the first look, %s at the second.\n",
            fmt_bytes(before, w->in_use_before), fmt_bytes(now, w->in_use));
    if (w->groups.n) {
        fputc('\n', r->out);
        table_print(t, r->out, r->width);
    } else {
        fputs("No kind of chunk grew by more than chance does.\n", r->out);
    }
    if (table_rows(t) < w->groups.n)
        fprintf(r->out, "%s smaller groups are not shown (--all).\n",
                fmt_count(count, w->groups.n - table_rows(t)));
    fputc('\n', r->out);
    document_footer(r->out, ev);
    table_free(t);
}

static void print_json(struct run *r, const struct evidence *ev, const struct growing *w) {
    struct table *t = groups_table(w, SIZE_MAX);
    document_common(r->doc, ev);
    document_u64(r->doc, "in_use_bytes_a", w->in_use_before);
    document_u64(r->doc, "in_use_bytes_b", w->in_use);
    json_object_set_new(r->doc, "groups", table_to_json(t));
    table_free(t);
}

/* ---- two looks ---- */

static int look_before(struct run *r, const char *target, struct growing_past **ret,
                       struct evidence *ev) {
    int rc =
        look_at_still(r, target, NATIVE_NEEDS, &(struct still_visit){ret, growing_see_past}, ev);
    if (rc == 0 && !*ret)
        return malloc_refuse(r, ev);
    return rc;
}

/* Addresses say nothing of another process. */
static int check_same(struct run *r, const struct evidence *a, const struct evidence *b) {
    if (!a->target.pid || !b->target.pid || a->target.pid == b->target.pid)
        return 0;
    return err_set(&r->err, -EINVAL,
                   "Take two captures of one process, or a capture and then the process itself; "
                   "`memwhy diff` compares two processes.",
                   "A is of process %d and B of process %d", (int)a->target.pid,
                   (int)b->target.pid);
}

int leaks_growing(struct run *r, const char *a, const char *b) {
    struct growing_past *past = NULL;
    struct growing w = {.least = opt_u64(r->opts, "min", UINT64_MAX)};
    struct growing_question q = {.ret = &w};
    struct evidence before, ev;
    w.by_default = w.least == UINT64_MAX; /* not given */
    int rc = look_before(r, a, &past, &before);
    if (rc < 0)
        return rc;
    q.past = past;
    rc = look_at_whole(r, b, NATIVE_NEEDS, &(struct whole_visit){&q, growing_see}, &ev);
    bool looked = rc == 0;
    rc = rc < 0 ? rc : check_same(r, &before, &ev);
    if (rc == 0 && (!ev.has_malloc || ev.malloc.kind != MALLOC_GLIBC))
        rc = malloc_refuse(r, &ev), looked = false;
    if (rc == 0) {
        bool whole = malloc_census_complete(&before.malloc) && native_note_gaps(&ev, 0);
        if (r->json)
            print_json(r, &ev, &w);
        else
            print_text(r, &ev, &w);
        rc = !whole ? EXIT_PARTIAL : w.groups.n ? EXIT_FINDINGS : 0;
    }
    if (looked)
        evidence_done(&ev);
    evidence_done(&before);
    growing_past_free(past);
    growing_done(&w);
    return rc;
}
