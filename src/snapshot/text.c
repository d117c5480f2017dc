#include "snapshot/text.h"

#include <errno.h>

const char snapshot_digits[100][2] = {
    "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14",
    "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29",
    "30", "31", "32", "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44",
    "45", "46", "47", "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59",
    "60", "61", "62", "63", "64", "65", "66", "67", "68", "69", "70", "71", "72", "73", "74",
    "75", "76", "77", "78", "79", "80", "81", "82", "83", "84", "85", "86", "87", "88", "89",
    "90", "91", "92", "93", "94", "95", "96", "97", "98", "99",
};

const uint64_t snapshot_tens[20] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
    10000000000000000000ull,
};

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
