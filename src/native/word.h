/* In what forms a word may be an address, beside as itself. */
#ifndef MEMWHY_NATIVE_WORD_H
#define MEMWHY_NATIVE_WORD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* glibc, sysdeps/unix/sysv/linux/x86_64/pointer_guard.h: xor with the guard, then rotate left by
 * 17 bits (2.4 to 2.43). */
static inline uint64_t word_demangled(uint64_t guard, uint64_t word) {
    return (word >> 17 | word << 47) ^ guard;
}

/* The whole number that the bits are as a double; 0 when they are none, or none that could be an
 * address (2^16 to 2^47). */
static inline uint64_t word_double(uint64_t bits) {
    enum { BIAS = 1023, FROM = BIAS + 16, TO = BIAS + 47, FRACTION = 52 };
    uint64_t exponent = bits >> FRACTION;
    if (exponent < FROM || exponent >= TO)
        return 0;
    unsigned shift = FRACTION - (unsigned)(exponent - BIAS);
    uint64_t whole = (bits & ((1ull << FRACTION) - 1)) | 1ull << FRACTION;
    return whole & ((1ull << shift) - 1) ? 0 : whole >> shift;
}

/* The number that the word is as a Smi of 64-bit V8 without compressed pointers; 0: it is none. */
static inline uint64_t word_smi(uint64_t word) {
    return (uint32_t)word ? 0 : word >> 32;
}

/* ---- most words are none ---- */

/* What an address of a range is, in each of its forms, lies in a range too. */
struct word_sieve {
    uint64_t low, span;
    uint64_t double_low, double_span; /* bits of doubles ascend with what they mean */
    uint64_t smi_low, smi_span;
    uint64_t guard;
};

static inline uint64_t word_of_double(uint64_t n) {
    double d = (double)n;
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* For addresses from `low` on, below `high`. */
static inline struct word_sieve word_sieve(uint64_t low, uint64_t high, uint64_t guard) {
    const uint64_t smi_end = 1ull << 32;
    struct word_sieve s = {.low = low, .span = high - low, .guard = guard};
    s.double_low = word_of_double(low);
    s.double_span = word_of_double(high) - s.double_low;
    if (low < smi_end) {
        s.smi_low = low << 32;
        s.smi_span = (high < smi_end ? high << 32 : 0) - s.smi_low;
    }
    return s;
}

/* False: the word is none of these addresses, in none of the forms. */
static inline bool word_passes(const struct word_sieve *s, uint64_t word) {
    return (word - s->low < s->span) | (word - s->double_low < s->double_span) |
           (word - s->smi_low < s->smi_span) | (word_demangled(s->guard, word) - s->low < s->span);
}

#endif
