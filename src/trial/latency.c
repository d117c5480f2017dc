#include "trial/latency.h"

/* Below 2^LATENCY_BITS each value has its bucket; above, each power of two has that many. */
static uint32_t bucket_of(uint64_t ns) {
    if (ns >> LATENCY_BITS == 0)
        return (uint32_t)ns;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(ns) - LATENCY_BITS;
    return ((shift + 1) << LATENCY_BITS) + (uint32_t)((ns >> shift) - (1u << LATENCY_BITS));
}

/* The middle of what falls into a bucket. */
static uint64_t value_of(uint32_t bucket) {
    uint32_t row = bucket >> LATENCY_BITS;
    if (row == 0)
        return bucket;
    uint64_t head = (1ull << LATENCY_BITS) + (bucket & ((1u << LATENCY_BITS) - 1));
    return (head << (row - 1)) + (1ull << (row - 1)) / 2;
}

void latency_add(struct latency *l, uint64_t ns) {
    l->n++;
    l->count[bucket_of(ns)]++;
    if (ns > l->most_ns)
        l->most_ns = ns;
}

uint64_t latency_quantile(const struct latency *l, double part) {
    double want = part * (double)l->n;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += l->count[i];
        if (seen && (double)seen >= want)
            return value_of(i) < l->most_ns ? value_of(i) : l->most_ns;
    }
    return l->most_ns;
}
