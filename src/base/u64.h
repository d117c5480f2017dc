/* Sorted arrays of addresses. */
#ifndef MEMWHY_BASE_U64_H
#define MEMWHY_BASE_U64_H

#include "base/search.h"
#include <stddef.h>
#include <stdint.h>

/* Index of the first of n ascending values that is not below `key`; n when there is none. */
static inline size_t u64_lower_bound(const uint64_t *at, size_t n, uint64_t key) {
    return first_where(n, i, at[i] >= key);
}

#endif
