#include "cmd/growth_limit.h"

#include "model/budget.h"

static const struct v8_isolate_census *main_of(const struct growth_side *s) {
    const struct v8_census *v8 = &s->ev.v8;
    return s->ev.has_v8 && v8->has_liveness && v8->isolates.n ? &v8->isolates.at[0] : NULL;
}

static bool some_grow(const struct growth_report *g) {
    for (size_t i = 0; i < g->list.list.n; i++)
        if (g->list.list.at[i].verdict == GROWTH_GROWS)
            return true;
    return false;
}

struct growth_limit growth_limit_of(const struct growth_report *g) {
    struct growth_limit known = {0};
    uint64_t first = 0, before = 0;
    double seconds = 0;
    if (!g->same_process || !some_grow(g))
        return (struct growth_limit){0};
    for (size_t i = 0; i < g->n; i++) {
        const struct v8_isolate_census *iso = main_of(&g->side[i]);
        if (!iso || !iso->limits.old_bytes || (i && !(g->side[i].seconds > 0)))
            return (struct growth_limit){0};
        known.limit_bytes = iso->limits.old_bytes;
        known.live_bytes = v8_old_generation_of(iso).live;
        if (i && known.live_bytes <= before)
            return (struct growth_limit){0};
        seconds += i ? g->side[i].seconds : 0;
        first = i ? first : known.live_bytes;
        before = known.live_bytes;
    }
    if (g->n < 2 || known.live_bytes >= known.limit_bytes)
        return (struct growth_limit){0};
    known.bytes_per_second = (double)(known.live_bytes - first) / seconds;
    known.seconds = (double)(known.limit_bytes - known.live_bytes) / known.bytes_per_second;
    return known;
}
