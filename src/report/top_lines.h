/* The lines of `memwhy top`: columns that fit a width, cells, bars, as runs of text with roles.
 * Pure: what a role looks like is the terminal's matter, and no meaning is in the look alone. */
#ifndef MEMWHY_REPORT_TOP_LINES_H
#define MEMWHY_REPORT_TOP_LINES_H

#include "base/vec.h"
#include "report/top_rows.h"

enum top_role {
    TOP_PLAIN = TOP_PARTS, /* below: the parts of bars, by enum top_part */
    TOP_TITLE,             /* of a column */
    TOP_SORTED,            /* of the column that is sorted by */
    TOP_GROUP,             /* the heading of a cgroup */
    TOP_FAINT,             /* unknown, or gone */
    TOP_ALARM,
    TOP_ROLES
};

struct top_run {
    unsigned role; /* enum top_role or enum top_part */
    char *text;    /* printable */
};

struct top_line {
    struct top_run *at;
    size_t n, cap;
};

void top_line_add(struct top_line *l, unsigned role, const char *text);
/* Empties it, and keeps its memory. */
void top_line_clear(struct top_line *l);
void top_line_done(struct top_line *l);

/* How many columns each is given; 0: not shown. */
struct top_layout {
    unsigned width[TOP_COLUMNS];
};

enum { TOP_UNBOUNDED = 1u << 16 };

/* Columns of which some process of `rows` has a value: bit c. */
unsigned top_columns_known(const struct top_rows *rows);
/* Of a line `width` wide, of those columns; 0: all of them, and commands uncut. */
void top_layout_fit(unsigned width, unsigned columns, struct top_layout *ret);

/* Cells of a bar for each part, of `cells` that stand for `whole` bytes (0: for this one's sum);
 * rounded by largest remainders, so that they add up to what the sum would be, one at least. */
void top_bar(const struct top_parts *p, uint64_t whole, unsigned cells, unsigned ret[TOP_PARTS]);

struct top_style {
    bool unicode;
    uint64_t whole; /* bytes a full bar stands for; 0: each bar is full */
};

/* Each adds to `ret`. */
void top_line_titles(const struct top_layout *l, const struct top_order *order,
                     struct top_line *ret);
void top_line_row(const struct top_layout *l, const struct top_row *row,
                  const struct top_style *style, struct top_line *ret);
/* What the letters of bars mean, with the sums of `all` where `width` has room (0: it has). */
void top_line_legend(const struct top_parts *all, unsigned width, struct top_line *ret);

#endif
