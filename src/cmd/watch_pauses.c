#include "cmd/watch_pauses.h"

#include "trace/gc_events.h"
#include <stdio.h>

void watch_pauses_begin(const struct watch_rules *rules, struct watch_pauses *ret) {
    struct err e = {0};
    *ret = (struct watch_pauses){0};
    for (size_t i = 0; i < rules->list.n; i++)
        for (size_t k = 0; k < rules->list.at[i].terms.n; k++) {
            const struct watch_term *t = &rules->list.at[i].terms.at[k];
            ret->wanted |= t->measure < WATCH_LATENCY && t->field == SAMPLE_GC_PAUSE_NS;
        }
    if (ret->wanted && gc_events_open(&ret->events, &e) < 0)
        snprintf(ret->why, sizeof ret->why, "%.199s", e.what);
}

static struct watch_pauses_row *find(const struct watch_pauses *g, struct process_id id) {
    for (size_t i = 0; i < g->rows.n; i++)
        if (g->rows.at[i].id.pid == id.pid && g->rows.at[i].id.started_ns == id.started_ns)
            return &g->rows.at[i];
    return NULL;
}

void watch_pauses_welcome(struct watch_pauses *g, struct process_id id) {
    struct watch_pauses_row row = {.id = id};
    struct err e = {0};
    if (!g->events || find(g, id))
        return;
    row.traced = gc_events_add(g->events, &id, &e) == 0;
    if (!row.traced)
        snprintf(row.why, sizeof row.why, "%.199s", e.what);
    vec_push(&g->rows, row);
}

void watch_pauses_part(struct watch_pauses *g, struct process_id id) {
    struct watch_pauses_row *row = find(g, id);
    if (!row)
        return;
    if (row->traced)
        gc_events_remove(g->events, id.pid);
    *row = g->rows.at[--g->rows.n];
}

void watch_pauses_fetch(struct watch_pauses *g) {
    struct gc_event event;
    while (g->events && gc_events_next(g->events, &event)) {
        struct watch_pauses_row *row = find(g, event.process);
        if (row)
            row->pause_ns += event.pause_ns;
    }
}

const char *watch_pauses_sample(const struct watch_pauses *g, struct process_id id,
                                struct sample *s) {
    const struct watch_pauses_row *row = find(g, id);
    if (!g->wanted || sample_get(s, SAMPLE_GC_PAUSE_NS, &(uint64_t){0}))
        return NULL;
    if (!g->events)
        return g->why;
    if (!row || !row->traced)
        return row ? row->why : NULL;
    sample_set(s, SAMPLE_GC_PAUSE_NS, row->pause_ns);
    return NULL;
}

void watch_pauses_done(struct watch_pauses *g) {
    gc_events_close(g->events);
    vec_free(&g->rows);
    *g = (struct watch_pauses){0};
}
