/* What a process may come to: the limits of its JavaScript heaps, what it uses beside them, and
 * what its cgroup allows. Pure functions of evidence. */
#ifndef MEMWHY_MODEL_BUDGET_H
#define MEMWHY_MODEL_BUDGET_H

#include "model/evidence.h"

/* v8.getHeapStatistics().heap_size_limit: the old generation and the young one at their largest. 0
 * when it is not known. */
uint64_t v8_heap_limit(const struct v8_isolate_census *iso);

/* Of what counts against the old generation's limit: all spaces but the new ones, the read-only one
 * and those that isolates share. */
struct v8_old_generation {
    uint64_t committed, used;
    uint64_t live; /* where liveness is known */
};
struct v8_old_generation v8_old_generation_of(const struct v8_isolate_census *iso);

struct budget {
    uint64_t heap_bytes;    /* the limits of all isolates together */
    uint64_t outside_bytes; /* resident now outside of V8's heaps */
    uint64_t most_bytes;    /* both: RSS with the heaps full and the rest as it is */
    bool has_cgroup;
    uint64_t cgroup_bytes; /* what the cgroup allows */
};
/* False when the limits of an isolate or the account are not known. */
bool budget_of(const struct evidence *ev, struct budget *ret);

#endif
