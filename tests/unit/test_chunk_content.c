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

static void records(void **state) {
    (void)state;
    uint8_t der[256] = {0x30, 0x82, 0, 250, 0x30, 0x82};
    uint8_t tls[256] = {23, 3, 3, 0, 250};
    for (size_t i = 6; i < sizeof der; i++)
        der[i] = tls[i] = (uint8_t)(i * 37 + 128);
    assert_string_equal(content(der, sizeof der), "DER (a certificate or key)");
    der[2] = 1; /* longer than the chunk */
    assert_null(content(der, sizeof der));
    assert_string_equal(content(tls, sizeof tls), "TLS record");
    tls[1] = 9;
    assert_null(content(tls, sizeof tls));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(repeated_words),
        cmocka_unit_test(references_of_v8),
        cmocka_unit_test(records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
