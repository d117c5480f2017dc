#include "snapshot/text.h"

#include <errno.h>

void snapshot_text_flush(struct snapshot_text *t) {
    if (t->error == 0 && atomic_load(t->cancelled))
        t->error = -EINTR;
    if (t->error == 0)
        t->error = capture_sink_write(t->sink, (const uint8_t *)t->buf, t->n);
    t->written += t->n;
    t->n = 0;
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
