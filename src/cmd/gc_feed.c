#include "cmd/gc_feed.h"

#include "trace/gc_events.h"

static bool watch(void *arg, const struct process_id *id) {
    struct err e;
    return gc_events_add(arg, id, &e) == 0;
}

static void unwatch(void *arg, pid_t pid) {
    gc_events_remove(arg, pid);
}

static bool next(void *arg, struct gc_event *ret) {
    return gc_events_next(arg, ret);
}

static uint64_t lost(void *arg) {
    return gc_events_lost(arg) + gc_events_unexplained(arg);
}

int gc_feed_open(struct gc_feed *ret, struct err *e) {
    struct gc_events *events;
    int rc = gc_events_open(&events, e);
    if (rc == 0)
        *ret = (struct gc_feed){events, watch, unwatch, next, lost};
    return rc;
}

void gc_feed_close(struct gc_feed *f) {
    gc_events_close(f->arg);
}
