/* memwhy strings: copies of the same text, the largest, and what slices keep. */
#include "base/fmt.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/look.h"
#include "cmd/query_opts.h"
#include "collect/string_census.h"
#include "report/document.h"
#include <string.h>

enum { S_COUNT, S_BYTES, S_PART, S_LENGTH, S_ADDR, S_FORM, S_VALUE, S_COLUMNS };

static const struct column copies_columns[S_COLUMNS] = {
    [S_COUNT] = {"count", "COPIES", COL_COUNT}, [S_BYTES] = {"bytes", "BYTES", COL_BYTES},
    [S_PART] = {"wasted", "WASTED", COL_BYTES}, [S_LENGTH] = {"length", "LENGTH", COL_COUNT},
    [S_ADDR] = {"addr", "FIRST AT", COL_TEXT},  [S_FORM] = {NULL, NULL, COL_TEXT},
    [S_VALUE] = {"value", "TEXT", COL_TEXT},
};
static const struct column largest_columns[S_COLUMNS] = {
    [S_COUNT] = {NULL, NULL, COL_COUNT},      [S_BYTES] = {"bytes", "BYTES", COL_BYTES},
    [S_PART] = {NULL, NULL, COL_BYTES},       [S_LENGTH] = {"length", "LENGTH", COL_COUNT},
    [S_ADDR] = {"addr", "ADDRESS", COL_TEXT}, [S_FORM] = {"form", "FORM", COL_TEXT},
    [S_VALUE] = {"value", "TEXT", COL_TEXT},
};
static const struct column parents_columns[S_COLUMNS] = {
    [S_COUNT] = {"slices", "SLICES", COL_COUNT}, [S_BYTES] = {"bytes", "BYTES", COL_BYTES},
    [S_PART] = {"used", "USED", COL_COUNT},      [S_LENGTH] = {"length", "LENGTH", COL_COUNT},
    [S_ADDR] = {"addr", "ADDRESS", COL_TEXT},    [S_FORM] = {NULL, NULL, COL_TEXT},
    [S_VALUE] = {"value", "TEXT", COL_TEXT},
};

enum list { COPIES, LARGEST, PARENTS };

static struct table *rows(const struct string_rows *list, enum list which, bool json) {
    static const struct column *const columns[] = {
        [COPIES] = copies_columns, [LARGEST] = largest_columns, [PARENTS] = parents_columns};
    struct table *t = table_new(columns[which], S_COLUMNS);
    for (size_t i = 0; i < list->list.n; i++) {
        const struct string_row *s = &list->list.at[i];
        char addr[24];
        if (which == PARENTS && s->otherwise && !json)
            continue; /* it would be there anyway */
        snprintf(addr, sizeof addr, "0x%llx", (unsigned long long)s->addr);
        table_row(t);
        table_u64(t, S_BYTES, s->bytes);
        table_u64(t, S_LENGTH, s->length);
        table_text(t, S_ADDR, addr);
        table_text(t, S_VALUE, s->value);
        if (which == LARGEST) {
            table_text(t, S_FORM, string_form_name(s->form));
        } else {
            table_u64(t, S_COUNT, s->count);
            table_u64(t, S_PART, s->part);
        }
        if (which == PARENTS)
            table_json_field(t, "only_slices", json_boolean(!s->otherwise));
    }
    return t;
}

static void set_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void set_rows(json_t *doc, const char *key, const struct string_rows *list,
                     enum list which) {
    struct table *t = rows(list, which, true);
    json_object_set_new(doc, key, table_to_json(t));
    table_free(t);
}

static void to_json(struct run *r, const struct evidence *ev, const struct string_census *c) {
    json_t *forms = json_array();
    for (int f = 0; f < STRING_FORMS; f++) {
        json_t *one = json_object();
        json_object_set_new(one, "form", json_string(string_form_name((enum v8_string_form)f)));
        set_u64(one, "count", c->of_form[f].count);
        set_u64(one, "bytes", c->of_form[f].bytes);
        set_u64(one, "off_heap", c->of_form[f].off_heap);
        json_array_append_new(forms, one);
    }
    document_common(r->doc, ev);
    json_object_set_new(r->doc, "forms", forms);
    set_u64(r->doc, "duplicated_contents", c->contents);
    set_u64(r->doc, "wasted_by_duplicates", c->wasted);
    set_u64(r->doc, "kept_by_slices", c->kept);
    set_rows(r->doc, "duplicates", &c->copies, COPIES);
    set_rows(r->doc, "largest", &c->largest, LARGEST);
    set_rows(r->doc, "sliced_parents", &c->parents, PARENTS);
}

static void print_list(struct run *r, const char *heading, const struct string_rows *list,
                       enum list which) {
    struct table *t = rows(list, which, false);
    if (table_rows(t)) {
        fprintf(r->out, "\n%s\n", heading);
        table_print(t, r->out, r->width);
    }
    table_free(t);
}

static void to_text(struct run *r, const struct evidence *ev, const struct string_census *c) {
    char a[FMT_MAX], b[FMT_MAX], heading[160];
    for (int f = 0; f < STRING_FORMS; f++) {
        if (!c->of_form[f].count)
            continue;
        fprintf(r->out, "%s %s, %s", fmt_count(a, c->of_form[f].count),
                string_form_name((enum v8_string_form)f), fmt_bytes(b, c->of_form[f].bytes));
        if (c->of_form[f].off_heap)
            fprintf(r->out, " and %s outside the heap", fmt_bytes(a, c->of_form[f].off_heap));
        fputs("\n", r->out);
    }
    snprintf(heading, sizeof heading, "There more than once: %s texts; the copies take %s",
             fmt_count(a, c->contents), fmt_bytes(b, c->wasted));
    print_list(r, heading, &c->copies, COPIES);
    print_list(r, "The largest", &c->largest, LARGEST);
    snprintf(heading, sizeof heading,
             "Kept by slices of them alone, %s in all; USED are the characters of the slices",
             fmt_bytes(a, c->kept));
    print_list(r, heading, &c->parents, PARENTS);
    fputs("\n", r->out);
    document_footer(r->out, ev);
}

static int run_strings(struct run *r) {
    enum { MOST = 15 };
    const char *const *args;
    struct evidence ev;
    struct string_census c = {.most = opt_u64(r->opts, "top", MOST)};
    opt_args(r->opts, &args);
    int rc = query_from_opts(r, QUERY_LIVE, &c.query);
    if (rc == 0)
        rc = look_at_heap(r, args[0], &(struct v8_visit){&c, string_census_see}, &ev);
    if (rc == 0) {
        if (r->json)
            to_json(r, &ev, &c);
        else
            to_text(r, &ev, &c);
        rc = ev.v8.unwalked_bytes || ev.v8.in_collection ? 4 : 0;
        evidence_done(&ev);
    }
    string_census_done(&c);
    return rc;
}

static const struct opt opts[] = {
    {"top", 'n', OPT_U64, "N", "at most so many of each list (15); 0: all"},
    QUERY_OPTS,
    LOOK_OPT_FREEZE,
    LOOK_OPT_MAX_PAUSE,
    {0}};

const struct command cmd_strings = {
    .name = "strings",
    .args = "TARGET",
    .group = GROUP_HEAP,
    .summary = "texts kept twice, the largest, slices of long ones",
    .help =
        "All strings by how V8 keeps them, then three lists. What is there more than once: copies\n"
        "of one text, with the bytes that all but one of them take; a table of the program's own\n"
        "(or a Map) would need each once. The largest, with their characters outside the heap.\n"
        "And strings that nothing refers to but slices of them: a short piece cut out of a long\n"
        "text (slice, substring, split, match) keeps all of it alive.\n"
        "\n"
        "  $ memwhy strings 2043476                       live strings\n"
        "  $ memwhy strings core -w 'length>100' -n 50    longer ones only\n"
        "  $ memwhy strings --garbage 2043476             what a collection would free\n"
        "\n"
        "Copies are told of sequential strings only: what was put together by + and not yet read\n"
        "has no characters of its own.\n"
        "\n" QUERY_HELP "\n"
        "Exit code 4: part of the heap could not be walked.\n",
    .opts = opts,
    .run = run_strings,
};
