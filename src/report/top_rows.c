#include "report/top_rows.h"

#include "base/mem.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool holds(const char *text, const char *words) {
    return text && strcasestr(text, words);
}

bool top_matches(const struct top_process *p, const char *words) {
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)p->id.pid);
    return !*words || !strcmp(pid, words) || holds(p->command, words) || holds(p->version, words) ||
           holds(p->cgroup, words);
}

static const char *text_of(const struct top_process *p, enum top_column c) {
    const char *text = c == TOP_VERSION ? p->version : p->command;
    return text && *text ? text : NULL;
}

static int sign(bool greater, bool less) {
    return (int)greater - (int)less;
}

/* Below 0: x stands first. Unknown last, whatever the direction. */
static int compare_by(const struct top_process *x, const struct top_process *y,
                      const struct top_order *o) {
    double a, b;
    int r;
    if (top_column_info(o->sort)->kind == TOP_KIND_TEXT) {
        const char *s = text_of(x, o->sort), *t = text_of(y, o->sort);
        if (!s || !t)
            return sign(!s, !t);
        r = o->sort == TOP_VERSION ? strverscmp(s, t) : strcmp(s, t);
    } else {
        bool has_a = top_figure(x, o->sort, &a), has_b = top_figure(y, o->sort, &b);
        if (!has_a || !has_b)
            return sign(!has_a, !has_b);
        r = o->sort == TOP_PID ? sign(a > b, a < b) : sign(a<b, a> b);
    }
    return o->inverted ? -r : r;
}

static int compare_rows(const void *a, const void *b, void *order) {
    const struct top_process *x = ((const struct top_row *)a)->process;
    const struct top_process *y = ((const struct top_row *)b)->process;
    int r = compare_by(x, y, order);
    return r ? r : sign(x->id.pid > y->id.pid, x->id.pid < y->id.pid);
}

static bool same_cgroup(const struct top_process *x, const struct top_process *y) {
    return x->cgroup && y->cgroup ? !strcmp(x->cgroup, y->cgroup) : x->cgroup == y->cgroup;
}

/* A tree under way: `sorted` are the rows to be placed, `ret` those that are. */
struct planting {
    const struct top_rows *sorted;
    bool *placed;
    struct top_rows *ret;
};

static bool is_earlier(const struct process_id *a, const struct process_id *b) {
    return a->started_ns != b->started_ns ? a->started_ns < b->started_ns : a->pid < b->pid;
}

/* A parent began earlier: so nobody is its own ancestor, however often pids were given anew. */
static bool is_child(const struct top_process *p, const struct top_process *parent) {
    return p->parent && p->parent == parent->id.pid && same_cgroup(p, parent) &&
           is_earlier(&parent->id, &p->id);
}

static bool is_root(const struct top_rows *sorted, const struct top_process *p) {
    for (size_t i = 0; i < sorted->n; i++)
        if (is_child(p, sorted->at[i].process))
            return false;
    return true;
}

/* The next sibling from `i` on that is not placed: of the children of `parent`, or of the roots of
 * the cgroup of `like`. n when there is none. */
static size_t next_sibling(const struct planting *t, size_t i, const struct top_process *parent,
                           const struct top_process *like) {
    for (; i < t->sorted->n; i++) {
        const struct top_process *p = t->sorted->at[i].process;
        if (!t->placed[i] &&
            (parent ? is_child(p, parent) : same_cgroup(p, like) && is_root(t->sorted, p)))
            return i;
    }
    return t->sorted->n;
}

/* The tree of one cgroup, without recursion: a stack of whose children are being placed. */
static void plant(struct planting *t, const struct top_process *like) {
    struct level {
        const struct top_process *parent;
        size_t next; /* child */
    } *stack = mem_zalloc((t->sorted->n + 2) * sizeof *stack), *at = stack;
    unsigned open = 0;
    at->next = next_sibling(t, 0, NULL, like);
    for (;;) {
        size_t i = at->next, n = t->sorted->n;
        if (i == n && at-- == stack)
            break;
        if (i == n)
            continue;
        const struct top_process *p = t->sorted->at[i].process;
        t->placed[i] = true;
        at->next = next_sibling(t, i + 1, at->parent, like);
        unsigned depth = at - stack < TOP_DEPTH_MAX ? (unsigned)(at - stack) : TOP_DEPTH_MAX;
        bool last = at->next == n;
        open = last ? open & ~(1u << depth) : open | 1u << depth;
        vec_push(t->ret, (struct top_row){p, NULL, NULL, depth, open, last});
        *++at = (struct level){p, next_sibling(t, 0, p, NULL)};
    }
    free(stack);
}

static void make_tree(const struct top_rows *sorted, struct top_rows *ret) {
    struct planting t = {sorted, mem_zalloc(sorted->n + 1), ret};
    for (size_t i = 0; i < sorted->n; i++) {
        const struct top_process *p = sorted->at[i].process;
        if (t.placed[i])
            continue;
        if (p->cgroup)
            vec_push(ret, (struct top_row){.cgroup = p->cgroup, .first = p});
        plant(&t, p);
    }
    free(t.placed);
}

void top_rows_make(const struct top_process *all, size_t n, const struct top_order *order,
                   struct top_rows *ret) {
    struct top_rows sorted = {0};
    for (size_t i = 0; i < n; i++)
        if (!order->filter || top_matches(&all[i], order->filter))
            vec_push(&sorted, (struct top_row){.process = &all[i]});
    if (sorted.n > 1)
        qsort_r(sorted.at, sorted.n, sizeof *sorted.at, compare_rows, (void *)order);
    ret->n = 0;
    if (order->tree)
        make_tree(&sorted, ret);
    else
        for (size_t i = 0; i < sorted.n; i++)
            vec_push(ret, sorted.at[i]);
    vec_free(&sorted);
}
