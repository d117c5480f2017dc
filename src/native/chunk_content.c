#include "native/chunk_content.h"

#include "base/bytes.h"
#include <stdbool.h>

/* Bytes of the UTF-8 sequence at p, 0 when there is none or it is a control character. */
static size_t printable(const uint8_t *p, size_t n) {
    if (p[0] == '\t' || p[0] == '\n' || p[0] == '\r' || (p[0] >= ' ' && p[0] < 0x7f))
        return 1;
    size_t len = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] < 0xe0 ? 0 : p[0] < 0xf0 ? 3 : 4;
    if (!len || p[0] > 0xf4 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

size_t chunk_content_text(const uint8_t *bytes, size_t n) {
    size_t at = 0;
    for (size_t len; at < n && (len = printable(bytes + at, n - at)); at += len)
        ;
    return at;
}

/* What is behind a text in its chunk was never written, or was something else's: it may end
 * anywhere with a zero, without one only near the chunk's end. */
static bool is_text(const uint8_t *bytes, size_t n) {
    size_t len = chunk_content_text(bytes, n);
    return len >= CHUNK_TEXT_LEAST && (len == n || bytes[len] == 0 || len >= n - n / 4);
}

/* The word that nine of ten are, if there is one. */
static bool repeated(const uint8_t *bytes, size_t words, uint64_t *ret) {
    uint64_t word = u64_at(bytes, words / 2 * 8);
    size_t same = 0;
    for (size_t i = 0; i < words; i++)
        same += u64_at(bytes, i * 8) == word;
    *ret = word;
    return same >= words - words / 10;
}

static bool is_tagged(const struct v8_census *v8, uint64_t word) {
    return v8 && (word & 3) == 1 && v8_census_page(v8, word);
}

static bool all_tagged(const struct v8_census *v8, const uint8_t *bytes, size_t words) {
    size_t tagged = 0;
    for (size_t i = 0; i < words; i++)
        tagged += is_tagged(v8, u64_at(bytes, i * 8));
    return tagged >= words - words / 10;
}

/* A SEQUENCE whose length is that of the content (X.690): certificates, keys. */
static bool is_der(const uint8_t *b, size_t n) {
    enum { SEQUENCE = 0x30, LONG_FORM_2 = 0x82 };
    return n >= 64 && b[0] == SEQUENCE && b[1] == LONG_FORM_2 && b[4] == SEQUENCE &&
           (size_t)(b[2] << 8 | b[3]) + 4 <= n;
}

/* RFC 8446 5.1, RFC 5246 6.2.1: type, 3.1 to 3.4, length. */
static bool is_tls_record(const uint8_t *b, size_t n) {
    return n >= 64 && b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2] <= 4 &&
           (size_t)(b[3] << 8 | b[4]) <= (16 << 10) + 256;
}

const char *chunk_content(const struct v8_census *v8, const uint8_t *bytes, size_t n) {
    enum { LIST_WORDS = 8 };
    size_t words = n / 8;
    uint64_t word;
    if (is_text(bytes, n))
        return "text";
    if (words >= LIST_WORDS && repeated(bytes, words, &word))
        return !word                 ? NULL
               : is_tagged(v8, word) ? "one reference of V8, repeated"
                                     : "one word, repeated";
    if (words >= LIST_WORDS && all_tagged(v8, bytes, words))
        return "references of V8";
    if (is_der(bytes, n))
        return "DER (a certificate or key)";
    if (is_tls_record(bytes, n))
        return "TLS record";
    return NULL;
}
