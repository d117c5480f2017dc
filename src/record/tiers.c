#include "record/tiers.h"

const struct tier record_tiers[STORE_TIERS] = {
    {0, MINUTE_MS, HOUR_MS},
    {10 * SECOND_MS, 10 * MINUTE_MS, DAY_MS},
    {MINUTE_MS, HOUR_MS, RECORD_KEPT_MS},
};

const struct tier record_gc_tiers[GC_TIERS] = {
    {0, MINUTE_MS, HOUR_MS},
    {MINUTE_MS, HOUR_MS, RECORD_KEPT_MS},
};

const struct store_tier store_tiers[STORE_TIERS] = {
    {0, HOUR_MS *MS_NS},
    {10 * SECOND_MS * MS_NS, DAY_MS *MS_NS},
    {MINUTE_MS * MS_NS, RECORD_KEPT_MS *MS_NS},
};
