/* The one hash map: uint64_t (never 0) to uint64_t, open addressing. */
#ifndef MEMWHY_BASE_MAP64_H
#define MEMWHY_BASE_MAP64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map64 {
    uint64_t *keys, *values;
    size_t n, cap; /* cap is a power of two, or 0 */
};

void map64_put(struct map64 *m, uint64_t key, uint64_t value); /* replaces */
bool map64_get(const struct map64 *m, uint64_t key, uint64_t *ret);
void map64_done(struct map64 *m);

/* The hash, for tables of the same kind that want to be laid out differently. */
static inline uint64_t map64_hash(uint64_t key) {
    key *= 0x9E3779B97F4A7C15ull;
    return key ^ (key >> 32);
}

#endif
