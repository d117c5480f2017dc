/* Which processes `memwhy top` shows, in which order: filtered, sorted, as a tree. Pure. */
#ifndef MEMWHY_REPORT_TOP_ROWS_H
#define MEMWHY_REPORT_TOP_ROWS_H

#include "base/vec.h"
#include "report/top_figures.h"

struct top_order {
    enum top_column sort; /* figures: the largest first; text and pids: ascending */
    bool inverted;
    bool tree;          /* by cgroup, and there children below their parents */
    const char *filter; /* as for top_matches(); NULL or "": all */
};

enum { TOP_DEPTH_MAX = 16 }; /* deeper ones are shown as deep as this */

struct top_row {
    const struct top_process *process; /* NULL: the heading of a cgroup */
    const char *cgroup;                /* of a heading; hostile */
    const struct top_process *first;   /* of a heading: any process in it */
    unsigned depth;                    /* 0 outside trees */
    unsigned open;                     /* bit d: the ancestor at depth d has siblings below */
    bool last;                         /* of its siblings */
};

struct top_rows {
    struct top_row *at;
    size_t n, cap;
};

/* Whether its pid is `words`, or its command line, version or cgroup holds them, in any case. */
bool top_matches(const struct top_process *p, const char *words);
/* `ret` is emptied first, and keeps its memory; its rows are of `all`. What is unknown comes last
 * in either direction. */
void top_rows_make(const struct top_process *all, size_t n, const struct top_order *order,
                   struct top_rows *ret);

#endif
