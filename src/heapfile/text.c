/* Strings as the program has them: JSON's escapes undone. */
#include "heapfile/heapfile.h"

#include "base/text.h"
#include <stdlib.h>
#include <string.h>

static uint64_t begin_of(const struct heapfile *f, uint32_t string) {
    return string ? f->text_end[string - 1] : 0;
}

uint64_t heapfile_string_bytes(const struct heapfile *f, uint32_t string) {
    return f->text_end[string] - begin_of(f, string);
}

/* Four digits of a \u; -1: they are none. */
static int unit_of(const char *s, const char *end) {
    int v = 0;
    if (end - s < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)s[i], digit = c >= '0' && c <= '9'   ? c - '0'
                                             : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                                    : -1;
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

enum { REPLACEMENT = 0xfffd };

/* Behind "\u": one character of one or two units. */
static uint32_t take_units(const char **p, const char *end) {
    int high = unit_of(*p, end), low;
    if (high < 0)
        return REPLACEMENT;
    *p += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high ? (uint32_t)high : REPLACEMENT;
    if (high >= 0xdc00 || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return REPLACEMENT;
    low = unit_of(*p + 2, end);
    if (low < 0xdc00 || low > 0xdfff)
        return REPLACEMENT;
    *p += 6;
    return 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
}

/* Three bytes of one at most, a zero's. */
static void undo_escapes(const char *p, const char *end, char *to) {
    static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
    while (p < end) {
        if (*p != '\\') {
            to = *p ? (*to = *p, to + 1) : text_put_utf8(to, REPLACEMENT);
            p++;
            continue;
        }
        char c = ++p < end ? *p++ : '\0';
        const char *known = c ? strchr(from, c) : NULL;
        if (c == 'u')
            to = text_put_utf8(to, take_units(&p, end));
        else if (c)
            *to++ = known ? into[known - from] : c;
        else
            to = text_put_utf8(to, REPLACEMENT);
    }
    *to = '\0';
}

char *heapfile_string(const struct heapfile *f, uint32_t string) {
    size_t n = (size_t)heapfile_string_bytes(f, string);
    cleanup_free char *raw = mem_alloc(n + 1);
    if (spool_read(&f->text, begin_of(f, string), raw, n) < 0)
        return mem_strdup("?");
    cleanup_free char *text = mem_alloc(3 * n + 1);
    undo_escapes(raw, raw + n, text);
    return text_clean(text);
}

bool heapfile_string_is(const struct heapfile *f, uint32_t string, const char *text) {
    enum { LONGEST = 256 };
    char raw[LONGEST];
    size_t n = strlen(text);
    return heapfile_string_bytes(f, string) == n && n < LONGEST &&
           spool_read(&f->text, begin_of(f, string), raw, n) == 0 && memcmp(raw, text, n) == 0;
}
