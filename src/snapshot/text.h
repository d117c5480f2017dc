/* The text of a snapshot: pieces of it, in memory, and on their way to the file. */
#ifndef MEMWHY_SNAPSHOT_TEXT_H
#define MEMWHY_SNAPSHOT_TEXT_H

#include "base/mem.h"
#include "image/capture_sink.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_TEXT_ROOM = 32 };

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

/* "00", "01", ... "99"; the powers of ten. */
extern const char snapshot_digits[100][2];
extern const uint64_t snapshot_tens[20];

/* In its place at once, two digits at a time: a snapshot has a hundred million numbers. */
static inline void snapshot_text_number(struct snapshot_text *t, uint64_t v) {
    if (t->n + SNAPSHOT_TEXT_ROOM > t->cap)
        snapshot_text_grow(t);
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
    unsigned n = bits * 1233 >> 12; /* bits * log10(2) */
    n += v >= snapshot_tens[n] || !n;
    char *p = t->at + t->n + n;
    t->n += n;
    for (; v >= 100; v /= 100)
        memcpy(p -= 2, snapshot_digits[v % 100], 2);
    if (v >= 10)
        memcpy(p - 2, snapshot_digits[v], 2);
    else
        p[-1] = (char)('0' + v);
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
