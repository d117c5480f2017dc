/* The list of `memwhy top`: which row is selected, what is scrolled away, and drawing it. */
#ifndef MEMWHY_CMD_TOP_LIST_H
#define MEMWHY_CMD_TOP_LIST_H

#include "cmd/top_watch.h"
#include "report/top_rows.h"

struct top_list {
    struct top_order order;
    bool own_scale; /* each bar by itself; else all by the largest process */
    bool unicode;
    struct top_rows rows;
    struct process_id chosen; /* stays selected wherever it goes; pid 0: the first row */
    size_t selected, top;     /* indices of rows: selected, and the first that is shown */
};

/* Makes its rows of the last round. */
void top_list_fill(struct top_list *l, const struct top_watch *w);
/* Between these lines of the terminal, titles first. */
void top_list_draw(struct top_list *l, unsigned first, unsigned end);
/* NULL when there is none. */
const struct top_process *top_list_selected(const struct top_list *l);
/* So many rows down, or up; beyond the ends: to the end. */
void top_list_move(struct top_list *l, long by);
void top_list_home(struct top_list *l);
/* Selects the next that matches, after the selected one or with it; false when none does. */
bool top_list_search(struct top_list *l, const char *words, bool from_here);
void top_list_done(struct top_list *l);

#endif
