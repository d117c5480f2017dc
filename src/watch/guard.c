#include "watch/guard.h"

static bool is_met(const struct guard *g, const struct watch_rule *r) {
    if (!r->of_n)
        return g->truth == WATCH_YES && g->held_ns >= r->for_ns;
    uint64_t last = r->of_m < 64 ? (UINT64_C(1) << r->of_m) - 1 : UINT64_MAX;
    return (unsigned)__builtin_popcountll(g->seen & last) >= r->of_n;
}

/* Again only after it did not hold in between, or after the cooldown that was asked for, which is
 * never cut short. */
static bool may_fire(const struct guard *g, const struct watch_rule *r) {
    if (!g->fired)
        return true;
    if (r->once || g->at_ns - g->fired_at_ns < r->cooldown_ns)
        return false;
    return !g->fired_since || r->has_cooldown;
}

enum guard_news guard_observe(struct guard *g, const struct watch_rule *r, enum watch_truth truth,
                              uint64_t at_ns) {
    if (truth == WATCH_YES && g->truth == WATCH_YES)
        g->held_ns += at_ns - g->at_ns;
    bool forgotten = truth == WATCH_UNKNOWN && at_ns - g->known_at_ns > r->for_ns;
    if (truth == WATCH_NO || forgotten)
        g->held_ns = 0;
    if (truth != WATCH_UNKNOWN)
        g->known_at_ns = at_ns;
    if (truth != WATCH_UNKNOWN)
        g->seen = g->seen << 1 | (truth == WATCH_YES);
    g->truth = truth;
    g->at_ns = at_ns;
    if (truth == WATCH_UNKNOWN)
        return GUARD_NOTHING; /* neither begins to hold nor ends */
    bool was = g->met;
    g->met = is_met(g, r);
    if (!g->met) {
        enum guard_news news = was && g->fired_since ? GUARD_CLEARS : GUARD_NOTHING;
        g->fired_since = false;
        return news;
    }
    if (!may_fire(g, r))
        return GUARD_NOTHING;
    g->fired_since = true;
    g->fired++;
    g->fired_at_ns = at_ns;
    return GUARD_FIRES;
}
