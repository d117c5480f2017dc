#include "watch/track.h"

#include <string.h>

enum { RING = TRACK_POINTS + 2 };

void track_begin(struct track *t, uint64_t window_ns) {
    memset(t, 0, sizeof *t);
    t->window_ns = window_ns;
}

const struct track_point *track_at(const struct track *t, size_t i) {
    return &t->ring[(t->first + i) % RING];
}

static void drop_first(struct track *t) {
    t->first = (t->first + 1) % RING;
    t->n--;
}

/* The point before the window stays, for what was true when it began. */
static void drop_old(struct track *t, uint64_t at_ns) {
    while (t->n > 1 && track_at(t, 1)->at_ns + t->window_ns <= at_ns)
        drop_first(t);
}

void track_add(struct track *t, uint64_t at_ns, double value) {
    uint64_t part_ns = t->window_ns / TRACK_POINTS + 1;
    if (t->n && at_ns <= t->last.at_ns)
        return;
    struct track_point *newest = t->n ? &t->ring[(t->first + t->n - 1) % RING] : NULL;
    t->last = (struct track_point){at_ns, value};
    if (newest && newest->at_ns / part_ns == at_ns / part_ns) {
        if (value < newest->value)
            *newest = t->last;
        return;
    }
    drop_old(t, at_ns);
    if (t->n == RING)
        drop_first(t);
    t->ring[(t->first + t->n++) % RING] = t->last;
}

bool track_is_full(const struct track *t) {
    return t->n > 1 && t->last.at_ns - track_at(t, 0)->at_ns >= t->window_ns - t->window_ns / 10;
}
