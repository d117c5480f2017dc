#include "base/table.h"
#include "base/fmt.h"
#include "base/text.h"
#include "base/vec.h"
#include <inttypes.h>
#include <string.h>

enum cell_state { CELL_UNKNOWN, CELL_TEXT, CELL_U64, CELL_I64, CELL_REAL };

struct cell {
    enum cell_state state;
    union {
        char *text;
        uint64_t u64;
        int64_t i64;
        double real;
    };
};

struct row {
    bool rule;
    json_t *extra; /* NULL until a field is attached */
    struct cell *cells;
};

struct table {
    const struct column *columns;
    size_t n_columns, n_data;
    VEC(struct row) rows;
};

struct table *table_new(const struct column *columns, size_t n) {
    struct table *t = mem_zalloc(sizeof *t);
    t->columns = columns;
    t->n_columns = n;
    return t;
}

void table_free(struct table *t) {
    if (!t)
        return;
    for (size_t i = 0; i < t->rows.n; i++) {
        struct row *r = &t->rows.at[i];
        for (size_t c = 0; r->cells && c < t->n_columns; c++)
            if (r->cells[c].state == CELL_TEXT)
                free(r->cells[c].text);
        free(r->cells);
        json_decref(r->extra);
    }
    vec_free(&t->rows);
    free(t);
}

void table_row(struct table *t) {
    struct row r = {.cells = mem_zalloc(t->n_columns * sizeof(struct cell))};
    vec_push(&t->rows, r);
    t->n_data++;
}

void table_rule(struct table *t) {
    vec_push(&t->rows, (struct row){.rule = true});
}

size_t table_rows(const struct table *t) {
    return t->n_data;
}

static struct row *last_row(struct table *t) {
    return &t->rows.at[t->rows.n - 1];
}

/* The cell to fill, emptied. */
static struct cell *cell_at(struct table *t, size_t column) {
    struct cell *c = &last_row(t)->cells[column];
    if (c->state == CELL_TEXT)
        free(c->text);
    return c;
}

void table_text(struct table *t, size_t column, const char *s) {
    char *copy = mem_strdup(s); /* first: `s` may be this very cell's */
    *cell_at(t, column) = (struct cell){.state = CELL_TEXT, .text = copy};
}

void table_u64(struct table *t, size_t column, uint64_t v) {
    *cell_at(t, column) = (struct cell){.state = CELL_U64, .u64 = v};
}

void table_i64(struct table *t, size_t column, int64_t v) {
    *cell_at(t, column) = (struct cell){.state = CELL_I64, .i64 = v};
}

void table_real(struct table *t, size_t column, double v) {
    *cell_at(t, column) = (struct cell){.state = CELL_REAL, .real = v};
}

void table_json_field(struct table *t, const char *key, json_t *value) {
    struct row *r = last_row(t);
    if (!r->extra)
        r->extra = json_object();
    json_object_set_new(r->extra, key, value);
}

static int64_t cell_i64(const struct cell *c) {
    return c->state == CELL_REAL ? (int64_t)c->real : c->i64; /* u64 shares its bits */
}

static double cell_real(const struct cell *c) {
    if (c->state == CELL_REAL)
        return c->real;
    return c->state == CELL_I64 ? (double)c->i64 : (double)c->u64;
}

/* What the cell shows; the caller frees it. */
static char *cell_show(const struct cell *c, enum column_kind kind) {
    char buf[FMT_MAX];
    if (c->state == CELL_UNKNOWN)
        return mem_strdup("-");
    if (c->state == CELL_TEXT)
        return text_printable(c->text);
    uint64_t v = (uint64_t)cell_i64(c);
    switch (kind) {
    case COL_BYTES:
        return mem_strdup(fmt_bytes(buf, v));
    case COL_DELTA:
        return mem_strdup(fmt_delta(buf, (int64_t)v));
    case COL_COUNT:
        return mem_strdup(fmt_count(buf, v));
    case COL_ADDR:
        return mem_printf("%012" PRIx64, v);
    case COL_PERCENT:
        return mem_printf("%.1f %%", cell_real(c));
    case COL_DURATION:
        return mem_strdup(fmt_duration(buf, v));
    case COL_KIB:
        return mem_printf("%" PRIu64, v / 1024);
    case COL_TEXT:
        break;
    }
    return mem_printf("%" PRIi64, (int64_t)v);
}

static json_t *cell_to_json(const struct cell *c, enum column_kind kind) {
    char addr[FMT_MAX];
    if (c->state == CELL_TEXT)
        return text_json(c->text);
    if (c->state == CELL_REAL || kind == COL_PERCENT)
        return json_real(cell_real(c));
    if (kind == COL_ADDR) {
        snprintf(addr, sizeof addr, "0x%" PRIx64, c->u64);
        return json_string(addr);
    }
    return json_integer(cell_i64(c));
}

json_t *table_to_json(const struct table *t) {
    json_t *rows = json_array();
    for (size_t i = 0; i < t->rows.n; i++) {
        const struct row *r = &t->rows.at[i];
        if (r->rule)
            continue;
        json_t *o = json_object();
        for (size_t c = 0; c < t->n_columns; c++)
            if (t->columns[c].key && r->cells[c].state != CELL_UNKNOWN)
                json_object_set_new(o, t->columns[c].key,
                                    cell_to_json(&r->cells[c], t->columns[c].kind));
        if (r->extra)
            json_object_update(o, r->extra);
        json_array_append_new(rows, o);
    }
    return rows;
}

/* Printing: every cell becomes text first, then widths are known. */
struct layout {
    const struct column **columns; /* those with a title */
    size_t n, rows;
    char **cells; /* rows * n; NULLs in the row of a rule */
    size_t *widths;
};

static struct layout layout_of(const struct table *t) {
    struct layout l = {.rows = t->rows.n + 1};
    l.columns = mem_zalloc((t->n_columns + 1) * sizeof(void *));
    l.widths = mem_zalloc((t->n_columns + 1) * sizeof *l.widths);
    size_t *index = mem_zalloc((t->n_columns + 1) * sizeof *index);
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->columns[c].title) {
            index[l.n] = c;
            l.columns[l.n++] = &t->columns[c];
        }
    l.cells = mem_zalloc((l.rows * l.n + 1) * sizeof *l.cells);
    for (size_t i = 0; i < l.rows; i++)
        for (size_t c = 0; c < l.n; c++) {
            char **cell = &l.cells[i * l.n + c];
            if (i == 0)
                *cell = mem_strdup(l.columns[c]->title);
            else if (!t->rows.at[i - 1].rule)
                *cell = cell_show(&t->rows.at[i - 1].cells[index[c]], l.columns[c]->kind);
            size_t width = *cell ? text_width(*cell) : 0;
            if (width > l.widths[c])
                l.widths[c] = width;
        }
    free(index);
    return l;
}

static void layout_done(struct layout *l) {
    for (size_t i = 0; i < l->rows * l->n; i++)
        free(l->cells[i]);
    free(l->cells);
    free(l->columns);
    free(l->widths);
}

enum { GAP = 2, NARROWEST_TEXT = 8 };

/* Take what is over `width` from the widest text column, again and again. */
static void layout_fit(struct layout *l, unsigned width) {
    for (;;) {
        size_t total = 0, widest = SIZE_MAX;
        for (size_t c = 0; c < l->n; c++) {
            total += l->widths[c] + (c ? GAP : 0);
            if (l->columns[c]->kind == COL_TEXT && l->widths[c] > NARROWEST_TEXT &&
                (widest == SIZE_MAX || l->widths[c] > l->widths[widest]))
                widest = c;
        }
        if (total <= width || widest == SIZE_MAX)
            return;
        l->widths[widest]--;
    }
}

static void print_spaces(FILE *out, size_t n) {
    fprintf(out, "%*s", (int)n, "");
}

static void print_cell(const struct layout *l, size_t c, const char *s, FILE *out) {
    size_t room = l->widths[c], width = text_width(s);
    if (c)
        print_spaces(out, GAP);
    if (width > room) {
        fwrite(s, 1, text_prefix_bytes(s, room - 3), out);
        fputs("...", out);
        return;
    }
    bool left = l->columns[c]->kind == COL_TEXT;
    if (!left)
        print_spaces(out, room - width);
    fputs(s, out);
    if (left && c + 1 < l->n) /* nothing trails a line */
        print_spaces(out, room - width);
}

static void print_rule(const struct layout *l, FILE *out) {
    size_t total = 0;
    for (size_t c = 0; c < l->n; c++)
        total += l->widths[c] + (c ? GAP : 0);
    while (total--)
        fputc('-', out);
    fputc('\n', out);
}

void table_print(const struct table *t, FILE *out, unsigned width) {
    struct layout l = layout_of(t);
    if (width)
        layout_fit(&l, width);
    for (size_t i = 0; i < l.rows && l.n; i++) {
        if (!l.cells[i * l.n]) {
            print_rule(&l, out);
            continue;
        }
        for (size_t c = 0; c < l.n; c++)
            print_cell(&l, c, l.cells[i * l.n + c], out);
        fputc('\n', out);
    }
    layout_done(&l);
}
