/* A histogram of durations: any number of them, each kept to a hundredth of itself. */
#ifndef MEMWHY_TRIAL_LATENCY_H
#define MEMWHY_TRIAL_LATENCY_H

#include <stdint.h>

enum { LATENCY_BITS = 6, LATENCY_BUCKETS = (64 - LATENCY_BITS + 1) << LATENCY_BITS };

struct latency {
    uint64_t n, most_ns;
    uint64_t count[LATENCY_BUCKETS];
};

void latency_add(struct latency *l, uint64_t ns);
/* The least duration that at least `part` (0..1) of them do not exceed; 0 when there are none. */
uint64_t latency_quantile(const struct latency *l, double part);

#endif
