/* How a recording thins out with age, in milliseconds. */
#ifndef MEMWHY_RECORD_TIERS_H
#define MEMWHY_RECORD_TIERS_H

#include "record/store.h"

#define MS_NS UINT64_C(1000000)

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
};
#define RECORD_KEPT_MS (30ull * DAY_MS) /* of what is kept longest */

/* Times that nanoseconds of 64 bits can hold. */
#define STORE_TIME_MOST_MS (UINT64_MAX / MS_NS - 2 * RECORD_KEPT_MS)

struct tier {
    uint64_t step_ms;  /* of a point; 0: as taken */
    uint64_t block_ms; /* how much of a process is in one row */
    uint64_t kept_ms;
};
extern const struct tier record_tiers[STORE_TIERS];

enum { GC_TIERS = 2 };
extern const struct tier record_gc_tiers[GC_TIERS];

#endif
