/* Kinds of content, by their form. */
#include "unit.h"

#include "native/chunk_content.h"
#include <string.h>

static const char *content(const void *bytes, size_t n) {
    return chunk_content(NULL, bytes, n);
}

static void texts(void **state) {
    (void)state;
    uint8_t text[64];
    memset(text, 0xfe, sizeof text);
    memcpy(text, "hello world", 12); /* ends with a zero, then old bytes */
    assert_string_equal(content(text, sizeof text), "text");
    text[11] = 0xfe; /* does not end */
    assert_null(content(text, sizeof text));
    memset(text, 'x', 50); /* near the chunk's end it may */
    assert_string_equal(content(text, sizeof text), "text");
    assert_string_equal(content("gr\xc3\xbc\xc3\x9f Gott", 11), "text");
    assert_null(content("gr\xfc\xdf Gott..", 12)); /* not UTF-8 */
    assert_null(content("ab\0defghijklmno", 16));  /* too short to be one */
    assert_null(content("ab\x1b[31mred!!!!!!", 16));
    assert_null(content("", 0));
    uint64_t address = 0x556a68454150; /* each byte is a letter */
    assert_null(content(&address, sizeof address));
    assert_int_equal(chunk_content_text((const uint8_t *)"ab\xe2\x82", 4), 2); /* cut */
}

static void repeated_words(void **state) {
    (void)state;
    uint64_t words[100] = {0};
    assert_null(content(words, sizeof words)); /* zeros say nothing */
    for (int i = 0; i < 100; i++)
        words[i] = i < 90 ? 0x1122334455667701 : (uint64_t)i;
    assert_string_equal(content(words, sizeof words), "one word, repeated");
    words[0] = 7;
    assert_null(content(words, sizeof words));
}

static void references_of_v8(void **state) {
    (void)state;
    struct v8_range page = {.start = 0x100000, .end = 0x140000};
    struct v8_census v8 = {.pages = {&page, 1, 1}};
    uint64_t words[100];
    for (uint64_t i = 0; i < 100; i++)
        words[i] = 0x100000 + 16 * i + 1;
    assert_string_equal(chunk_content(&v8, (uint8_t *)words, sizeof words), "references of V8");
    assert_null(content(words, sizeof words));
    for (uint64_t i = 0; i < 100; i++)
        words[i] = 0x100011;
    assert_string_equal(chunk_content(&v8, (uint8_t *)words, sizeof words),
                        "one reference of V8, repeated");
}

static void fill(uint8_t *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(i * 37 + 128);
}

static void records(void **state) {
    (void)state;
    uint8_t tls[256];
    fill(tls, sizeof tls);
    memcpy(tls, (uint8_t[]){23, 3, 3, 0, 100}, 5);
    assert_null(content(tls, sizeof tls)); /* one alone may be chance */
    memcpy(tls + 105, (uint8_t[]){21, 3, 3, 0, 26}, 5);
    assert_string_equal(content(tls, sizeof tls), "TLS records");
    tls[106] = 9;
    assert_null(content(tls, sizeof tls));
    memcpy(tls, (uint8_t[]){22, 3, 1, 0, 100, 1, 0, 0, 96}, 9); /* a hello that fills its record */
    assert_string_equal(content(tls, sizeof tls), "TLS records");
    tls[8] = 97;
    assert_null(content(tls, sizeof tls));
}

static void der(void **state) {
    (void)state;
    uint8_t b[300];
    fill(b, sizeof b);
    memcpy(b, (uint8_t[]){0x30, 0x82, 1, 0, 0x30, 0x82, 0, 200, 0xa0, 3, 2, 1, 2, 2, 1, 9}, 16);
    assert_string_equal(content(b, sizeof b), "X.509 certificate (DER)");
    memcpy(b + 4, (uint8_t[]){0xa0, 3, 2, 1, 2, 2, 1, 9}, 8);
    assert_string_equal(content(b, sizeof b), "X.509 certificate: signed part (DER)");
    memcpy(b + 4, (uint8_t[]){2, 1, 0, 2, 0x82, 0, 128}, 7);
    assert_string_equal(content(b, sizeof b), "private key (DER)");
    memcpy(b + 4, (uint8_t[]){0x30, 100}, 2); /* 102 bytes, then 154: 256 in all */
    memcpy(b + 4 + 102, (uint8_t[]){0x03, 0x81, 151}, 3);
    assert_string_equal(content(b, sizeof b), "DER (of certificates or keys)");
    b[4 + 102 + 2]++; /* does not end where it should */
    assert_null(content(b, sizeof b));
}

static void json(void **state) {
    (void)state;
    static const char *const good[] = {"{\"a\":1}", "[1,2.5e3,-4]", " {\"a\": [true, null, {}]} \n",
                                       "[\"\\u00e4\\n\"]"};
    static const char *const bad[] = {"[object Object]",  "{}       ",  "{a: 1, b}",
                                      "[12:30:01] GET /", "[1, 2],   ", "\"quoted text\"",
                                      "12345678",         "{\"abc\":1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint8_t b[64] = {0};
        memcpy(b, good[i], strlen(good[i]));
        assert_string_equal(content(b, sizeof b), "JSON");
        for (size_t n = CHUNK_TEXT_LEAST; n < strlen(good[i]); n++) /* cut: it may go on */
            assert_non_null(content(good[i], n));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t b[64] = {0};
        memcpy(b, bad[i], strlen(bad[i]));
        assert_string_equal(content(b, sizeof b), "text");
    }
    uint8_t deep[200];
    memset(deep, '[', sizeof deep);
    assert_string_equal(content(deep, sizeof deep), "text");
    assert_string_equal(content("-----BEGIN CERTIFICATE-----\nMIIB", 32),
                        "PEM (certificates or keys)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(repeated_words),
        cmocka_unit_test(references_of_v8),
        cmocka_unit_test(records),
        cmocka_unit_test(der),
        cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
