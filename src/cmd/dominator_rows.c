#include "cmd/dominator_rows.h"

#include "base/fmt.h"

enum { D_RETAINED, D_SHARE, D_COUNT, D_ADDR, D_OBJECT, D_CLASS, D_SHALLOW, D_DEPTH, D_COLUMNS };

#define COLUMNS(where)                                                                             \
    {                                                                                              \
        [D_RETAINED] = {"retained", "RETAINED", COL_BYTES},                                        \
        [D_SHARE] = {"share", "SHARE", COL_PERCENT}, [D_COUNT] = {"count", "OBJECTS", COL_COUNT},  \
        [D_ADDR] = {NULL, where, COL_TEXT}, [D_OBJECT] = {"summary", "OBJECT", COL_TEXT},          \
        [D_CLASS] = {"class", NULL, COL_TEXT}, [D_SHALLOW] = {"shallow", NULL, COL_BYTES},         \
        [D_DEPTH] = {"depth", NULL, COL_COUNT},                                                    \
    }
static const struct column columns[][D_COLUMNS] = {
    [OBJECT_ADDR] = COLUMNS("ADDRESS"), [OBJECT_ID] = COLUMNS("ID")};

static void row(struct table *t, const struct run *r, const struct dominators *d,
                const struct dominator *one, enum object_ref how) {
    enum { INDENT_MAX = 40 }; /* levels; a list may be a million deep */
    char ref[OBJECT_REF_MAX], number[FMT_MAX];
    table_row(t);
    table_u64(t, D_RETAINED, one->retained);
    if (d->live_bytes)
        table_real(t, D_SHARE, (double)one->retained * 100 / (double)d->live_bytes);
    table_u64(t, D_COUNT, one->count);
    if (one->siblings == 1) {
        table_text(t, D_ADDR, object_ref_text(how, one->addr, ref));
        table_json_field(t, object_ref_key(how), object_ref_json(how, one->addr));
    }
    if (r->json) {
        table_text(t, D_OBJECT, one->summary);
        table_json_field(t, "siblings", json_integer((json_int_t)one->siblings));
    } else {
        int indent = 2 * (int)(one->depth < INDENT_MAX ? one->depth : INDENT_MAX);
        cleanup_free char *text =
            one->siblings == 1
                ? mem_printf("%*s%s", indent, "", one->summary)
                : mem_printf("%*s+ %s %s %s", indent, "", fmt_count(number, one->siblings),
                             r->unicode ? "\xc3\x97" : "x", one->summary);
        table_text(t, D_OBJECT, text);
    }
    table_text(t, D_CLASS, one->class);
    table_u64(t, D_SHALLOW, one->shallow);
    table_u64(t, D_DEPTH, one->depth);
}

struct table *dominator_rows(const struct run *r, const struct dominators *d, enum object_ref how) {
    struct table *t = table_new(columns[how], D_COLUMNS);
    for (size_t i = 0; i < d->list.n; i++)
        row(t, r, d, &d->list.at[i], how);
    return t;
}
