#include "cmd/malloc_own.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"

/* In the order they are told. */
static const struct {
    enum malloc_state state;
    bool has_count;
    const char *name, *what;
} rows[] = {
    {MALLOC_IN_USE, true, "in-use", "what the program holds"},
    {MALLOC_TCACHED, true, "tcached", "freed, in the caches of threads"},
    {MALLOC_BINNED, true, "free", "free, among blocks in use"},
    {MALLOC_FREE_PAGES, false, "free-pages", "free, in whole pages it keeps"},
    {MALLOC_RESERVE, false, "reserve", "given back, or not used yet"},
    {MALLOC_METADATA, false, "metadata", "its own bookkeeping"},
    {MALLOC_UNWALKED, false, "unwalked", "its own; could not be told apart"},
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct table *states_table(const struct malloc_census *c) {
    static const struct column columns[] = {
        {"state", "state", COL_TEXT},        {"bytes", "bytes", COL_BYTES},
        {"resident", "resident", COL_BYTES}, {"blocks", "blocks", COL_COUNT},
        {"what", "what", COL_TEXT},
    };
    struct table *tb = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < ROWS; i++) {
        const struct malloc_share *s = &c->own[rows[i].state];
        if (!s->bytes)
            continue;
        table_row(tb);
        table_text(tb, 0, rows[i].name);
        table_u64(tb, 1, s->bytes);
        if (c->has_residency)
            table_u64(tb, 2, s->resident);
        if (rows[i].has_count)
            table_u64(tb, 3, s->count);
        table_text(tb, 4, rows[i].what);
    }
    return tb;
}

void malloc_own_print(struct run *r, const struct malloc_census *c) {
    cleanup_free char *how = text_printable(c->how);
    char a[FMT_MAX], b[FMT_MAX];
    const struct malloc_share *whole = &c->own[MALLOC_UNWALKED];
    fprintf(r->out, "%s (%s).\n", malloc_kind_name(c->kind), how);
    if (!c->own_walked) {
        if (whole->bytes)
            fprintf(r->out, "Known to be its own: %s, of it in memory %s.\n",
                    fmt_bytes(a, whole->bytes), fmt_bytes(b, whole->resident));
        return;
    }
    struct table *tb = states_table(c);
    fputc('\n', r->out);
    table_print(tb, r->out, r->width);
    table_free(tb);
}

json_t *malloc_own_json(const struct malloc_census *c) {
    if (!c->own_walked)
        return NULL;
    json_t *o = json_object();
    for (size_t i = 0; i < ROWS; i++) {
        const struct malloc_share *s = &c->own[rows[i].state];
        if (!s->bytes)
            continue;
        json_t *j = json_pack("{s:I}", "bytes", (json_int_t)s->bytes);
        if (c->has_residency)
            json_object_set_new(j, "resident", json_integer((json_int_t)s->resident));
        if (rows[i].has_count)
            json_object_set_new(j, "count", json_integer((json_int_t)s->count));
        json_object_set_new(o, rows[i].name, j);
    }
    return o;
}
