#include "record/packed.h"

#include <string.h>

/* Small numbers of either sign become small numbers: 0, -1, 1, -2, ... */
static uint64_t zigzag(int64_t v) {
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v) {
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

void packed_put_u8(struct packed *p, uint8_t v) {
    vec_push(&p->bytes, v);
}

void packed_put(struct packed *p, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        packed_put_u8(p, (uint8_t)(v | 0x80));
    packed_put_u8(p, (uint8_t)v);
}

void packed_put_signed(struct packed *p, int64_t v) {
    packed_put(p, zigzag(v));
}

void packed_put_bytes(struct packed *p, const void *bytes, size_t n) {
    if (!n)
        return;
    vec_reserve(&p->bytes, p->bytes.n + n);
    memcpy(p->bytes.at + p->bytes.n, bytes, n);
    p->bytes.n += n;
}

/* Differences, with all that is zero in each of them at their end taken away; a run of equal ones
 * is a zero and how many more there are. */
void packed_put_column(struct packed *p, const uint64_t *values, size_t n) {
    uint64_t all = 0, before = 0;
    for (size_t i = 0; i < n; i++)
        all |= values[i];
    unsigned shift = all ? (unsigned)__builtin_ctzll(all) : 0;
    packed_put_u8(p, (uint8_t)shift);
    for (size_t i = 0; i < n;) {
        uint64_t v = values[i] >> shift;
        uint64_t token = zigzag((int64_t)(v - before));
        packed_put(p, token);
        before = v;
        size_t run = i++;
        if (token)
            continue;
        while (i < n && values[i] == values[run])
            i++;
        packed_put(p, i - run - 1);
    }
}

void packed_done(struct packed *p) {
    vec_free(&p->bytes);
}

struct unpacking unpacking_of(const void *bytes, size_t n) {
    static const uint8_t nothing;
    const uint8_t *at = bytes ? bytes : &nothing;
    return (struct unpacking){at, at + (bytes ? n : 0), false};
}

uint8_t unpack_u8(struct unpacking *u) {
    const uint8_t *p = unpack_bytes(u, 1);
    return p ? *p : 0;
}

uint64_t unpack(struct unpacking *u) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = unpack_u8(u);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    u->bad = true; /* more bytes than a number has */
    return 0;
}

uint64_t unpack_at_most(struct unpacking *u, uint64_t most) {
    uint64_t v = unpack(u);
    if (v <= most)
        return v;
    u->bad = true;
    return 0;
}

int64_t unpack_signed(struct unpacking *u) {
    return unzigzag(unpack(u));
}

const uint8_t *unpack_bytes(struct unpacking *u, uint64_t n) {
    if (u->bad || n > (uint64_t)(u->end - u->at)) {
        u->bad = true;
        return NULL;
    }
    const uint8_t *p = u->at;
    u->at += n;
    return p;
}

void unpack_column(struct unpacking *u, uint64_t *ret, size_t n) {
    unsigned shift = (unsigned)unpack_at_most(u, 63);
    uint64_t v = 0;
    for (size_t i = 0; i < n;) {
        int64_t step = unpack_signed(u);
        uint64_t more = step ? 0 : unpack_at_most(u, n - i - 1);
        v += (uint64_t)step;
        for (uint64_t k = 0; k <= more; k++)
            ret[i++] = v << shift;
    }
}

bool unpacking_ended(const struct unpacking *u) {
    return !u->bad && u->at == u->end;
}
