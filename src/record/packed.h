/* Numbers in few bytes: what the blobs of a store are made of. Reading is bounds-checked: the first
 * thing that is not there makes everything after it fail, so that one check at the end is enough.
 */
#ifndef MEMWHY_RECORD_PACKED_H
#define MEMWHY_RECORD_PACKED_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

struct packed {
    VEC(uint8_t) bytes;
};

void packed_put_u8(struct packed *p, uint8_t v);
/* Seven bits a byte, the lowest first: LEB128. */
void packed_put(struct packed *p, uint64_t v);
void packed_put_signed(struct packed *p, int64_t v);
void packed_put_bytes(struct packed *p, const void *bytes, size_t n);
/* A column of numbers: those like the one before, or with zeros at their end in common, take
 * little. */
void packed_put_column(struct packed *p, const uint64_t *values, size_t n);
void packed_done(struct packed *p);

struct unpacking {
    const uint8_t *at, *end;
    bool bad;
};

struct unpacking unpacking_of(const void *bytes, size_t n);
uint8_t unpack_u8(struct unpacking *u);
uint64_t unpack(struct unpacking *u);
/* At most `most`, or it is bad. */
uint64_t unpack_at_most(struct unpacking *u, uint64_t most);
int64_t unpack_signed(struct unpacking *u);
/* The next n bytes; NULL when they are not there. */
const uint8_t *unpack_bytes(struct unpacking *u, uint64_t n);
void unpack_column(struct unpacking *u, uint64_t *ret, size_t n);
/* Nothing was bad, and nothing is left. */
bool unpacking_ended(const struct unpacking *u);

#endif
