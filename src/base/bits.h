/* Sets of small numbers: one bit each, in words. What says "atomic" may be called by several
 * threads on the same set; bits_get() beside it sees the old or the new. */
#ifndef MEMWHY_BASE_BITS_H
#define MEMWHY_BASE_BITS_H

#include "base/mem.h"
#include <stdbool.h>
#include <stdint.h>

/* An empty set for numbers below n; the caller frees it. */
static inline uint64_t *bits_new(uint64_t n) {
    return mem_zalloc((size_t)(n / 64 + 1) * sizeof(uint64_t));
}

static inline bool bits_get(const uint64_t *bits, uint64_t i) {
    return __atomic_load_n(&bits[i / 64], __ATOMIC_SEQ_CST) >> (i % 64) & 1;
}

static inline void bits_set(uint64_t *bits, uint64_t i) {
    bits[i / 64] |= 1ull << (i % 64);
}

static inline void bits_clear(uint64_t *bits, uint64_t i) {
    bits[i / 64] &= ~(1ull << (i % 64));
}

/* The least number from i on that is in it, or that is not: n when none below n is. */
static inline uint64_t bits_next(const uint64_t *bits, uint64_t i, uint64_t n, bool in) {
    while (i < n) {
        uint64_t left = (in ? bits[i / 64] : ~bits[i / 64]) >> (i % 64);
        if (left) {
            i += (uint64_t)__builtin_ctzll(left);
            break;
        }
        i = (i / 64 + 1) * 64;
    }
    return i < n ? i : n;
}

/* How many numbers below n are in it. */
static inline uint64_t bits_count(const uint64_t *bits, uint64_t n) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n / 64; i++)
        sum += (uint64_t)__builtin_popcountll(bits[i]);
    for (uint64_t i = n / 64 * 64; i < n; i++)
        sum += bits_get(bits, i);
    return sum;
}

/* Atomic: add i; true for the one caller that did, false when it was there. */
static inline bool bits_claim(uint64_t *bits, uint64_t i) {
    uint64_t bit = 1ull << (i % 64);
    return !bits_get(bits, i) && !(__atomic_fetch_or(&bits[i / 64], bit, __ATOMIC_SEQ_CST) & bit);
}

/* Atomic: add some of the 64 numbers that one word has; which of them the caller did. */
static inline uint64_t bits_claim_some(uint64_t *word, uint64_t some) {
    some &= ~__atomic_load_n(word, __ATOMIC_SEQ_CST);
    return some ? some & ~__atomic_fetch_or(word, some, __ATOMIC_SEQ_CST) : 0;
}

#endif
