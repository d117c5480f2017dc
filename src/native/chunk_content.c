#include "native/chunk_content.h"

#include "base/bytes.h"
#include "native/json_text.h"
#include <stdbool.h>
#include <string.h>

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

/* ---- DER (X.690) ---- */

enum { INTEGER = 2, SEQUENCE = 0x30, LONG_FORM = 0x80, LONG_FORM_2 = 0x82 };

/* The size of the element at b, with its head; 0 where there is none. */
static size_t element_size(const uint8_t *b, size_t n) {
    if (n < 2 || !b[0])
        return 0;
    size_t more = b[1] < LONG_FORM ? 0 : b[1] - (size_t)LONG_FORM, len = more ? 0 : b[1];
    if (more > 3 || (b[1] == LONG_FORM) || n < 2 + more)
        return 0;
    for (size_t i = 0; i < more; i++)
        len = len << 8 | b[2 + i];
    return 2 + more + len;
}

/* A SEQUENCE of two elements or more that fill it exactly: 16 bits for its head, some ten for each
 * head in it, 16 for the end. */
static bool is_filled_sequence(const uint8_t *b, size_t n) {
    size_t end = element_size(b, n), elements = 0, at = 4;
    if (b[1] != LONG_FORM_2 || end > n)
        return false;
    for (size_t size; at < end && (size = element_size(b + at, end - at)); at += size)
        elements++;
    return at == end && elements >= 2;
}

static bool begins(const uint8_t *b, size_t n, size_t at, const void *with, size_t len) {
    return at + len <= n && memcmp(b + at, with, len) == 0;
}

/* What is told by how it begins: 56 bits or more, and a length that the chunk has. */
static const char *der(const uint8_t *b, size_t n) {
    static const uint8_t version_3[] = {0xa0, 3, 2, 1, 2, INTEGER};       /* RFC 5280 4.1 */
    static const uint8_t pkcs8[] = {INTEGER, 1, 0, SEQUENCE};             /* RFC 5208 5 */
    static const uint8_t pkcs1[] = {INTEGER, 1, 0, INTEGER, LONG_FORM_2}; /* RFC 8017 A.1.2 */
    static const uint8_t rsa[] = {SEQUENCE, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1};
    if (n < 64 || b[0] != SEQUENCE || b[1] != LONG_FORM_2)
        return NULL;
    if (b[4] == SEQUENCE && b[5] == LONG_FORM_2 && begins(b, n, 8, version_3, sizeof version_3))
        return "X.509 certificate (DER)";
    if (begins(b, n, 4, version_3, sizeof version_3))
        return "X.509 certificate: signed part (DER)";
    if (begins(b, n, 4, pkcs1, sizeof pkcs1) ||
        (begins(b, n, 4, pkcs8, sizeof pkcs8) && is_filled_sequence(b, n)))
        return "private key (DER)";
    if (begins(b, n, 4, rsa, sizeof rsa))
        return "public key (DER)";
    return is_filled_sequence(b, n) ? "DER (of certificates or keys)" : NULL;
}

/* ---- TLS ---- */

/* RFC 8446 5.1, RFC 5246 6.2.1: type, 3.1 to 3.4, length. 22 bits: one alone proves nothing. */
enum { RECORD_HEAD = 5, HANDSHAKE = 22 };

static bool is_record_head(const uint8_t *b, size_t n) {
    return n >= RECORD_HEAD && b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2] <= 4 &&
           (b[3] || b[4]) && (size_t)(b[3] << 8 | b[4]) <= (16 << 10) + 256;
}

/* Two heads, one where the other's record ends; or a message of the handshake that fills its record
 * (RFC 8446 4: type, length of 24 bits), 44 bits or more. */
static bool is_tls_record(const uint8_t *b, size_t n) {
    if (!is_record_head(b, n))
        return false;
    size_t len = (size_t)(b[3] << 8 | b[4]);
    if (b[0] == HANDSHAKE && n >= RECORD_HEAD + 4 &&
        (size_t)(b[6] << 16 | b[7] << 8 | b[8]) + 4 == len)
        return true;
    return RECORD_HEAD + len < n && is_record_head(b + RECORD_HEAD + len, n - RECORD_HEAD - len);
}

/* ---- texts ---- */

/* What is in a text; "text" when that cannot be said. RFC 7468: PEM. */
static const char *text_kind(const uint8_t *bytes, size_t n) {
    static const char pem[] = "-----BEGIN ";
    size_t len = chunk_content_text(bytes, n);
    if (begins(bytes, n, 0, pem, sizeof pem - 1))
        return "PEM (certificates or keys)";
    return json_text(bytes, len, len == n) ? "JSON" : "text";
}

const char *chunk_content(const struct v8_census *v8, const uint8_t *bytes, size_t n) {
    enum { LIST_WORDS = 8 };
    size_t words = n / 8;
    uint64_t word;
    if (is_text(bytes, n))
        return text_kind(bytes, n);
    if (words >= LIST_WORDS && repeated(bytes, words, &word))
        return !word                 ? NULL
               : is_tagged(v8, word) ? "one reference of V8, repeated"
                                     : "one word, repeated";
    if (words >= LIST_WORDS && all_tagged(v8, bytes, words))
        return "references of V8";
    return is_tls_record(bytes, n) ? "TLS records" : der(bytes, n);
}
