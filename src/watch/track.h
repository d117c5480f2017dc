/* One quantity of one process as far back as a condition looks: at most TRACK_POINTS points however
 * long that is, each the least of its part of the time. The least, for what matters is the floor:
 * under the saw of collections, before a step, and of a counter its earliest value. */
#ifndef MEMWHY_WATCH_TRACK_H
#define MEMWHY_WATCH_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACK_POINTS = 240 };

struct track_point {
    uint64_t at_ns;
    double value;
};

struct track {
    uint64_t window_ns;
    struct track_point ring[TRACK_POINTS + 2]; /* one before the window, and one under way */
    size_t first, n;
    struct track_point last; /* what was added last; with n > 0 */
};

void track_begin(struct track *t, uint64_t window_ns);
/* Times ascend; an earlier one is not taken. */
void track_add(struct track *t, uint64_t at_ns, double value);
/* The i-th of t->n, the earliest first. */
const struct track_point *track_at(const struct track *t, size_t i);
/* It goes back to the window's beginning, but for a tenth of it. */
bool track_is_full(const struct track *t);

#endif
