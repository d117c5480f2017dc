#include "cmd/top_list.h"

#include "cmd/top_terminal.h"
#include "report/top_lines.h"
#include <string.h>

static bool is_same(const struct process_id *a, const struct process_id *b) {
    return a->pid == b->pid && a->started_ns == b->started_ns;
}

/* The nearest row that is a process, first in this direction, then in the other. */
static size_t nearest(const struct top_list *l, size_t i, bool down) {
    size_t n = l->rows.n;
    for (int turn = 0; turn < 2; turn++, down = !down)
        for (size_t k = i < n ? i : n - 1; k < n; k = down ? k + 1 : k - 1)
            if (l->rows.at[k].process)
                return k;
    return 0;
}

/* The chosen process, where it is now; when it is gone, what stands in its place. */
static void find_selected(struct top_list *l) {
    if (!l->rows.n) {
        l->selected = 0;
        return;
    }
    for (size_t i = 0; i < l->rows.n && l->chosen.pid; i++)
        if (l->rows.at[i].process && is_same(&l->rows.at[i].process->id, &l->chosen)) {
            l->selected = i;
            return;
        }
    l->selected = nearest(l, l->chosen.pid ? l->selected : 0, true);
    if (l->chosen.pid)
        l->chosen = l->rows.at[l->selected].process->id;
}

void top_list_fill(struct top_list *l, const struct top_watch *w) {
    size_t n;
    const struct top_process *all = top_watch_processes(w, &n);
    top_rows_make(all, n, &l->order, &l->rows);
    find_selected(l);
}

const struct top_process *top_list_selected(const struct top_list *l) {
    return l->selected < l->rows.n ? l->rows.at[l->selected].process : NULL;
}

void top_list_move(struct top_list *l, long by) {
    long to = (long)l->selected + by, last = (long)l->rows.n - 1;
    if (!l->rows.n)
        return;
    to = to < 0 ? 0 : to > last ? last : to;
    l->selected = nearest(l, (size_t)to, by > 0);
    l->chosen = l->rows.at[l->selected].process->id;
}

void top_list_home(struct top_list *l) {
    l->chosen = (struct process_id){0};
    find_selected(l);
}

bool top_list_search(struct top_list *l, const char *words, bool from_here) {
    for (size_t k = from_here ? 0 : 1; k <= l->rows.n; k++) {
        size_t i = (l->selected + k) % (l->rows.n ? l->rows.n : 1);
        const struct top_process *p = l->rows.n ? l->rows.at[i].process : NULL;
        if (!p || !top_matches(p, words))
            continue;
        l->selected = i;
        l->chosen = p->id;
        return true;
    }
    return false;
}

static uint64_t largest(const struct top_list *l) {
    uint64_t most = 0;
    for (size_t i = 0; i < l->rows.n; i++) {
        struct top_parts parts;
        const struct top_process *p = l->rows.at[i].process;
        if (p && top_parts_of(&p->now, &parts) && top_parts_sum(&parts) > most)
            most = top_parts_sum(&parts);
    }
    return most;
}

/* So that the selected row is shown, and no room is wasted. */
static void scroll_to_selected(struct top_list *l, size_t room) {
    if (l->top > l->selected)
        l->top = l->selected;
    if (l->selected >= l->top + room)
        l->top = l->selected - room + 1;
    if (l->top + room > l->rows.n)
        l->top = l->rows.n > room ? l->rows.n - room : 0;
    if (l->top == 1 && !l->rows.at[0].process) /* the heading above the first process */
        l->top = room > l->selected ? 0 : 1;
}

void top_list_draw(struct top_list *l, unsigned first, unsigned end) {
    unsigned rows, columns;
    struct top_line line = {0};
    struct top_layout layout;
    struct top_style style = {l->unicode, l->own_scale ? 0 : largest(l)};
    top_terminal_size(&rows, &columns);
    top_layout_fit(columns, top_columns_known(&l->rows), &layout);
    top_line_titles(&layout, &l->order, &line);
    top_terminal_line(first, &line, 0, TOP_LOOK_BAND);
    size_t room = end > first + 1 ? end - first - 1 : 1;
    scroll_to_selected(l, room);
    for (size_t i = 0; i < room; i++) {
        size_t at = l->top + i;
        top_line_clear(&line);
        if (at < l->rows.n)
            top_line_row(&layout, &l->rows.at[at], &style, &line);
        top_terminal_line(first + 1 + (unsigned)i, &line, 0,
                          at == l->selected && at < l->rows.n ? TOP_LOOK_SELECTED : TOP_LOOK_PLAIN);
    }
    top_line_done(&line);
}

void top_list_done(struct top_list *l) {
    vec_free(&l->rows);
}
