/* Reading JSON as it streams by: what is expected is asked for, what is not is refused with the
 * byte where it stands. Nothing is built, nothing nests: memory does not depend on the text.
 * Offsets count bytes of the unpacked text. -EBADMSG, with `e` filled, for all that is not as asked
 * for. */
#ifndef MEMWHY_HEAPFILE_SCAN_H
#define MEMWHY_HEAPFILE_SCAN_H

#include "base/err.h"
#include "base/vec.h"
#include "heapfile/input.h"
#include <stdbool.h>
#include <string.h>

struct scan {
    struct input *in;
    const char *p, *end; /* in hand */
    uint64_t end_offset; /* of `end` */
    bool at_end;         /* nothing comes behind what is in hand */
    const char *where;   /* what is being read, for sentences: "its nodes"; NULL */
    struct err *e;
};

enum { SCAN_DIGITS = 20 /* of 2^64 - 1 */ };

void scan_init(struct scan *s, struct input *in, struct err *e);

/* Offset of the next byte. */
static inline uint64_t scan_offset(const struct scan *s) {
    return s->end_offset - (uint64_t)(s->end - s->p);
}

/* The next byte that is no white space, which stays; 0 at the end of the file. Negative errno. */
int scan_peek(struct scan *s);
/* The same, which must be `c` and is taken. */
int scan_expect(struct scan *s, char c);
/* For lists: true in ret_more when another element follows, behind a comma or the opening bracket,
 * which `first` says; else the closing `close` was taken. */
int scan_more(struct scan *s, bool first, char close, bool *ret_more);
/* A string of at most `n` - 1 bytes, as it is written; longer ones are cut, "" then. */
int scan_key(struct scan *s, char *ret, size_t n);
/* Any value; depth costs nothing. */
int scan_skip(struct scan *s);
/* The text of an object or array of at most `most` bytes, with its brackets; ends with a zero. The
 * caller frees it. */
int scan_text(struct scan *s, size_t most, char **ret);
/* A string, given to `take` in pieces, as it is written (escapes and all), without quotes. */
int scan_string(struct scan *s, void (*take)(void *ctx, const char *text, size_t n), void *ctx);

/* "X at byte N", "the file ends at byte N in the middle of its nodes". */
int scan_refuse(struct scan *s, const char *what);
int scan_number_slow(struct scan *s, uint64_t *ret);

/* Eight digits, the first in the lowest byte. */
static inline uint64_t scan_eight(uint64_t x) {
    x = (x & 0x0f0f0f0f0f0f0f0full) * 2561 >> 8;
    x = (x & 0x00ff00ff00ff00ffull) * 6553601 >> 16;
    return (x & 0x0000ffff0000ffffull) * 42949672960001ull >> 32;
}

/* An unsigned number, with white space and one comma before it or not. */
static inline int scan_number(struct scan *s, uint64_t *ret) {
    const uint64_t ones = 0x0101010101010101ull;
    enum { MOST = 19, ROOM = 24 }; /* 10^19 < 2^64 */
    const char *p = s->p;
    if (s->end - p < ROOM)
        return scan_number_slow(s, ret);
    p += *p == '\n';
    p += *p == ',';
    uint64_t x, v;
    memcpy(&x, p, 8);
    /* In the first byte that is no digit the high bit, and in some behind it. */
    uint64_t other = ((x + 0x46 * ones) | (x - 0x30 * ones) | x) & 0x80 * ones;
    if (other & 0x80)
        return scan_number_slow(s, ret);
    if (other) {
        int bits = __builtin_ctzll(other) & ~7;
        v = scan_eight(x << (64 - bits));
        p += bits / 8;
    } else {
        const char *most = p + MOST;
        v = scan_eight(x);
        for (p += 8; *p >= '0' && *p <= '9'; p++) {
            if (p == most)
                return scan_number_slow(s, ret);
            v = v * 10 + (uint64_t)(*p - '0');
        }
    }
    s->p = p;
    *ret = v;
    return 0;
}

#endif
