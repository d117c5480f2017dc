/* How long a heap that grows has until V8 lets it grow no more. */
#ifndef MEMWHY_CMD_GROWTH_LIMIT_H
#define MEMWHY_CMD_GROWTH_LIMIT_H

#include "cmd/growth_report.h"

struct growth_limit {
    uint64_t limit_bytes; /* of the main isolate's old generation; 0: the rest is not known */
    uint64_t live_bytes;  /* there, at the last look */
    double bytes_per_second, seconds;
};

/* What lives in the old generation is carried on in a straight line from the first look to the
 * last. Known for looks at one process whose times, limit and liveness are known, where each look
 * found more than the one before and some holder grows. */
struct growth_limit growth_limit_of(const struct growth_report *g);

#endif
