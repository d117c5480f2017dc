/* The text of a snapshot: pieces of it, in memory, and on their way to the file. */
#ifndef MEMWHY_SNAPSHOT_TEXT_H
#define MEMWHY_SNAPSHOT_TEXT_H

#include "base/mem.h"
#include "image/capture_sink.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_TEXT_ROOM = 32, SNAPSHOT_LINE = 256 };

struct snapshot_text {
    char *at;
    size_t n, cap;
};

static inline void snapshot_text_done(struct snapshot_text *t) {
    free(t->at);
}
/* Room for one number or character more. */
void snapshot_text_grow(struct snapshot_text *t);
void snapshot_text_put(struct snapshot_text *t, const char *s);
/* As JSON strings, in quotes. */
void snapshot_text_quote(struct snapshot_text *t, const char *utf8);
void snapshot_text_quote_units(struct snapshot_text *t, const uint16_t *units, size_t n);

static inline void snapshot_text_char(struct snapshot_text *t, char c) {
    if (t->n + SNAPSHOT_TEXT_ROOM > t->cap)
        snapshot_text_grow(t);
    t->at[t->n++] = c;
}

/* Numbers, a hundred million in a snapshot: eight digits at a time, in the bytes of one word, the
 * first in the lowest; it is halved into fours, twos and ones of digits. */
enum { SNAPSHOT_DIGITS = 8, SNAPSHOT_TEN_TO_DIGITS = 100000000 };
extern const uint32_t snapshot_tens[10]; /* powers */

/* Room for eight bytes is wanted, of which `n` count, the lowest digits. */
static inline char *snapshot_put_digits(char *p, uint32_t v, unsigned n) {
    uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t high = (x * 10486 >> 20) & 0x7f0000007full; /* x / 100 of both */
    x = high | (x - 100 * high) << 16;
    high = (x * 103 >> 10) & 0xf000f000f000full; /* x / 10 of all four */
    x = (high | (x - 10 * high) << 8) + 0x3030303030303030ull;
    x >>= 8 * (SNAPSHOT_DIGITS - n);
    memcpy(p, &x, sizeof x);
    return p + n;
}

/* Room for 24 bytes is wanted; the end. */
char *snapshot_put_number_large(char *p, uint64_t v);
static inline char *snapshot_put_number(char *p, uint64_t v) {
    if (v >= SNAPSHOT_TEN_TO_DIGITS) {
        p = snapshot_put_number_large(p, v / SNAPSHOT_TEN_TO_DIGITS);
        return snapshot_put_digits(p, (uint32_t)(v % SNAPSHOT_TEN_TO_DIGITS), SNAPSHOT_DIGITS);
    }
    unsigned bits = 32 - (unsigned)__builtin_clz((uint32_t)v | 1);
    unsigned n = bits * 1233 >> 12; /* bits * log10(2): the digits, or one fewer */
    return snapshot_put_digits(p, (uint32_t)v, n + (v >= snapshot_tens[n] || !n));
}

static inline void snapshot_text_number(struct snapshot_text *t, uint64_t v) {
    if (t->n + SNAPSHOT_TEXT_ROOM > t->cap)
        snapshot_text_grow(t);
    t->n = (size_t)(snapshot_put_number(t->at + t->n, v) - t->at);
}

/* Where the next line of at most SNAPSHOT_LINE bytes goes; when it is there, it is added. */
static inline char *snapshot_text_line(struct snapshot_text *t) {
    while (t->n + SNAPSHOT_LINE > t->cap)
        snapshot_text_grow(t);
    return t->at + t->n;
}
static inline void snapshot_text_add(struct snapshot_text *t, const char *end) {
    t->n = (size_t)(end - t->at);
}

/* The file. The first error is kept, and nothing is written after it. */
struct snapshot_out {
    struct capture_sink *sink;
    const atomic_bool *cancelled;
    uint64_t written;
    int error;
};

/* Empties the text. False: there was an error. */
bool snapshot_out_put(struct snapshot_out *o, struct snapshot_text *t);

#endif
