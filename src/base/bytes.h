/* Words at an offset of bytes that were read from a target: little endian, not aligned. The caller
 * has checked that they are there. */
#ifndef MEMWHY_BASE_BYTES_H
#define MEMWHY_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t u64_at(const uint8_t *p, size_t offset) {
    uint64_t v;
    memcpy(&v, p + offset, sizeof v);
    return v;
}

static inline uint32_t u32_at(const uint8_t *p, size_t offset) {
    uint32_t v;
    memcpy(&v, p + offset, sizeof v);
    return v;
}

#endif
