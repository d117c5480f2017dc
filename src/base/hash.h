/* A hash of bytes, eight at a time, for telling contents apart: seeded, so that nobody can make two
 * that fall together. The same whatever pieces the bytes come in, if all but the last are whole
 * words. */
#ifndef MEMWHY_BASE_HASH_H
#define MEMWHY_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t hash_add(uint64_t hash, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    uint64_t word;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = hash_mix(hash ^ word ^ 0x9E3779B97F4A7C15ull, 0xD6E8FEB86659FD93ull);
    }
    if (!n)
        return hash;
    word = 0;
    memcpy(&word, p, n); /* fewer than eight: how many goes into the highest byte */
    return hash_mix(hash ^ word ^ (uint64_t)n << 56 ^ 0x9E3779B97F4A7C15ull, 0xD6E8FEB86659FD93ull);
}

#endif
