#include "cmd/record_gcs.h"

static struct record_traced *find(const struct record_gcs *g, struct process_id id) {
    for (size_t i = 0; i < g->traced.n; i++)
        if (g->traced.at[i].id.pid == id.pid && g->traced.at[i].id.started_ns == id.started_ns)
            return &g->traced.at[i];
    return NULL;
}

void record_gcs_open(struct record_gcs *g) {
    if (gc_events_open(&g->events, &g->why) < 0)
        g->events = NULL;
}

void record_gcs_close(struct record_gcs *g) {
    gc_events_close(g->events);
    vec_free(&g->traced);
}

/* One that is no Node, or an unknown one, has no events: that is in its samples, which lack V8's
 * counters too. */
void record_gcs_came(struct record_gcs *g, struct process_id id) {
    if (g->events && gc_events_add(g->events, &id, NULL) == 0 && !find(g, id))
        vec_push(&g->traced, (struct record_traced){.id = id});
}

void record_gcs_went(struct record_gcs *g, struct process_id id) {
    struct record_traced *t = find(g, id);
    if (!t)
        return;
    gc_events_remove(g->events, id.pid);
    *t = g->traced.at[--g->traced.n];
}

void record_gcs_take(struct record_gcs *g, struct writer *w) {
    struct gc_event event;
    while (g->events && gc_events_next(g->events, &event)) {
        struct record_traced *t = find(g, event.process);
        if (t)
            t->pause_ns += event.pause_ns;
        writer_gc(w, &event);
    }
}

void record_gcs_add_to(const struct record_gcs *g, struct process_id id, struct sample *s) {
    const struct record_traced *t = find(g, id);
    if (t)
        sample_set(s, SAMPLE_GC_PAUSE_NS, t->pause_ns);
}

uint64_t record_gcs_lost(const struct record_gcs *g) {
    return g->events ? gc_events_lost(g->events) + gc_events_unexplained(g->events) : 0;
}
