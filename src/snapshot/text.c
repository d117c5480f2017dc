#include "snapshot/text.h"

#include <errno.h>

const uint32_t snapshot_tens[10] = {1,      10,      100,      1000,      10000,
                                    100000, 1000000, 10000000, 100000000, 1000000000};

char *snapshot_put_number_large(char *p, uint64_t v) {
    return snapshot_put_number(p, v);
}

void snapshot_text_grow(struct snapshot_text *t) {
    enum { LEAST = 1 << 16 };
    t->cap = t->cap ? 2 * t->cap : LEAST;
    t->at = mem_grow(t->at, t->cap, 1);
}

bool snapshot_out_put(struct snapshot_out *o, struct snapshot_text *t) {
    if (o->error == 0 && atomic_load(o->cancelled))
        o->error = -EINTR;
    if (o->error == 0 && t->n)
        o->error = capture_sink_write(o->sink, (const uint8_t *)t->at, t->n);
    o->written += t->n;
    t->n = 0;
    return o->error == 0;
}

void snapshot_text_put(struct snapshot_text *t, const char *s) {
    for (; *s; s++)
        snapshot_text_char(t, *s);
}

/* A unit that stands for itself; others are written by number, as V8 does. */
static void put_unit(struct snapshot_text *t, uint16_t c) {
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        snapshot_text_char(t, '\\');
        snapshot_text_char(t, (char)c);
    } else if (c == '\n') {
        snapshot_text_put(t, "\\n");
    } else if (c >= ' ' && c < 127) {
        snapshot_text_char(t, (char)c);
    } else {
        snapshot_text_put(t, "\\u");
        for (int shift = 12; shift >= 0; shift -= 4)
            snapshot_text_char(t, hex[c >> shift & 15]);
    }
}

void snapshot_text_quote(struct snapshot_text *t, const char *utf8) {
    snapshot_text_char(t, '"');
    for (; *utf8; utf8++)
        if ((unsigned char)*utf8 >= 0x80)
            snapshot_text_char(t, *utf8);
        else
            put_unit(t, (unsigned char)*utf8);
    snapshot_text_char(t, '"');
}

void snapshot_text_quote_units(struct snapshot_text *t, const uint16_t *units, size_t n) {
    snapshot_text_char(t, '"');
    for (size_t i = 0; i < n; i++)
        put_unit(t, units[i]);
    snapshot_text_char(t, '"');
}
