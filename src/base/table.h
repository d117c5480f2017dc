/* One table, printed as text or as JSON: a command builds its result once. A cell that was never
 * set is unknown: "-" in text, absent in JSON. */
#ifndef MEMWHY_BASE_TABLE_H
#define MEMWHY_BASE_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum column_kind {
    COL_TEXT,     /* left aligned */
    COL_BYTES,    /* "12.3 MiB" | 12897484 */
    COL_DELTA,    /* signed bytes: "+12.3 MiB" | 12897484 */
    COL_COUNT,    /* "12,345" | 12345 */
    COL_ADDR,     /* "7f00deadb000" | "0x7f00deadb000" */
    COL_PERCENT,  /* of a double 0..100: "12.3 %" | 12.3 */
    COL_DURATION, /* nanoseconds: "12.3 ms" | 12300000 */
    COL_KIB,      /* bytes shown as KiB without unit, as pmap does | bytes */
};

struct column {
    const char *key;   /* JSON name; NULL: text only */
    const char *title; /* text heading; NULL: JSON only */
    enum column_kind kind;
};

struct table;

struct table *table_new(const struct column *columns, size_t n);
void table_free(struct table *t);
void table_row(struct table *t); /* begins a row; the setters fill it, by column index */
void table_text(struct table *t, size_t column, const char *s);
void table_u64(struct table *t, size_t column, uint64_t v);
void table_i64(struct table *t, size_t column, int64_t v);
void table_real(struct table *t, size_t column, double v);
/* Attach any JSON to the current row under `key` (JSON only). Steals the reference. */
void table_json_field(struct table *t, const char *key, json_t *value);
/* A line of its own between rows (text only), such as a separator or a total's rule. */
void table_rule(struct table *t);
size_t table_rows(const struct table *t);
/* Numbers right aligned, text cut to fit `width` columns (0: never cut). */
void table_print(const struct table *t, FILE *out, unsigned width);
json_t *table_to_json(const struct table *t); /* array of objects; the caller owns it */

#endif
