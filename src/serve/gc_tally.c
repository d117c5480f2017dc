#include "serve/gc_tally.h"

#include "base/search.h"

#define MS_NS 1000000u

const uint64_t gc_bounds_ns[GC_BOUNDS] = {
    1 * MS_NS, 10 * MS_NS, 100 * MS_NS, 1000 * MS_NS, 2000 * MS_NS, UINT64_C(5000) * MS_NS,
};

const char *gc_label_name(enum gc_label l) {
    static const char *const names[] = {"major", "minor", "incremental"};
    return names[l];
}

/* What Node's perf_hooks calls it (src/node_perf.h, PerformanceGCKind). GC_LABELS: nothing. */
static enum gc_label label_of(enum gc_kind k) {
    switch (k) {
    case GC_SCAVENGE:
    case GC_MINOR_MARK:
        return GC_LABEL_MINOR;
    case GC_MARK_COMPACT:
        return GC_LABEL_MAJOR;
    case GC_INCREMENTAL:
        return GC_LABEL_INCREMENTAL;
    default:
        return GC_LABELS;
    }
}

static int order(struct process_id a, struct process_id b) {
    if (a.pid != b.pid)
        return a.pid < b.pid ? -1 : 1;
    return (a.started_ns > b.started_ns) - (a.started_ns < b.started_ns);
}

static size_t place(const struct gc_tally *t, struct process_id p) {
    return first_where(t->rows.n, i, order(t->rows.at[i].process, p) >= 0);
}

static bool is_there(const struct gc_tally *t, size_t at, struct process_id p) {
    return at < t->rows.n && order(t->rows.at[at].process, p) == 0;
}

void gc_tally_watch(struct gc_tally *t, struct process_id p) {
    size_t at = place(t, p);
    if (is_there(t, at, p))
        return;
    vec_push(&t->rows, (struct gc_tally_row){0});
    for (size_t i = t->rows.n - 1; i > at; i--)
        t->rows.at[i] = t->rows.at[i - 1];
    t->rows.at[at] = (struct gc_tally_row){.process = p};
}

void gc_tally_forget(struct gc_tally *t, struct process_id p) {
    size_t at = place(t, p);
    if (!is_there(t, at, p))
        return;
    for (t->rows.n--; at < t->rows.n; at++)
        t->rows.at[at] = t->rows.at[at + 1];
}

void gc_tally_add(struct gc_tally *t, const struct gc_event *e) {
    size_t at = place(t, e->process);
    enum gc_label label = label_of(e->kind);
    if (!is_there(t, at, e->process) || label == GC_LABELS)
        return;
    struct gc_histogram *h = &t->rows.at[at].of[label];
    h->count[first_where(GC_BOUNDS, i, e->pause_ns <= gc_bounds_ns[i])]++;
    h->sum_ns += e->pause_ns;
}

const struct gc_tally_row *gc_tally_find(const struct gc_tally *t, struct process_id p) {
    size_t at = place(t, p);
    return is_there(t, at, p) ? &t->rows.at[at] : NULL;
}

void gc_tally_done(struct gc_tally *t) {
    vec_free(&t->rows);
}
