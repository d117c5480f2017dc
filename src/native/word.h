/* In what forms a word may be an address, beside as itself. */
#ifndef MEMWHY_NATIVE_WORD_H
#define MEMWHY_NATIVE_WORD_H

#include <stdint.h>

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

#endif
