/* When a rule fires: for how long it has held, and how often it may. One for each rule and process;
 * pure. */
#ifndef MEMWHY_WATCH_GUARD_H
#define MEMWHY_WATCH_GUARD_H

#include "watch/judge.h"

struct guard {
    enum watch_truth truth; /* at the last observation */
    uint64_t at_ns;         /* of that */
    uint64_t known_at_ns;   /* when it was last known */
    uint64_t held_ns;       /* since it last did not hold; time that is unknown does not count */
    uint64_t seen;          /* the last 64 observations that are known, the newest in bit 0 */
    bool met;               /* it has held for long enough */
    bool fired_since;       /* and fired, since it was not met the last time */
    uint64_t fired;         /* how often */
    uint64_t fired_at_ns;
};

enum guard_news {
    GUARD_NOTHING,
    GUARD_FIRES,
    GUARD_CLEARS, /* it fired, and no longer holds */
};

/* One observation, at a time that ascends. */
enum guard_news guard_observe(struct guard *g, const struct watch_rule *r, enum watch_truth truth,
                              uint64_t at_ns);

#endif
