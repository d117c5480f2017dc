/* The text of a snapshot on its way to the file. The first error is kept, and nothing is written
 * after it. */
#ifndef MEMWHY_SNAPSHOT_TEXT_H
#define MEMWHY_SNAPSHOT_TEXT_H

#include "image/capture_sink.h"
#include <stdatomic.h>

enum { SNAPSHOT_TEXT_BYTES = 1 << 20, SNAPSHOT_TEXT_ROOM = 32 };

struct snapshot_text {
    struct capture_sink *sink;
    const atomic_bool *cancelled;
    size_t n;
    uint64_t written;
    int error;
    char buf[SNAPSHOT_TEXT_BYTES];
};

void snapshot_text_flush(struct snapshot_text *t);
void snapshot_text_put(struct snapshot_text *t, const char *s);
/* As JSON strings, in quotes. */
void snapshot_text_quote(struct snapshot_text *t, const char *utf8);
void snapshot_text_quote_units(struct snapshot_text *t, const uint16_t *units, size_t n);

static inline void snapshot_text_char(struct snapshot_text *t, char c) {
    if (t->n + SNAPSHOT_TEXT_ROOM > SNAPSHOT_TEXT_BYTES)
        snapshot_text_flush(t);
    t->buf[t->n++] = c;
}

static inline void snapshot_text_number(struct snapshot_text *t, uint64_t v) {
    char digits[20];
    int n = 0;
    if (t->n + SNAPSHOT_TEXT_ROOM > SNAPSHOT_TEXT_BYTES)
        snapshot_text_flush(t);
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        t->buf[t->n++] = digits[--n];
}

#endif
