#include "image/fake.h"
#include "unit.h"
#include "v8/names.h"
#include "v8/strings.h"
#include "v8/values.h"
#include "v8_fake_objects.h"
#include <errno.h>

static void expect(struct v8_fake *f, uint64_t string, const char *want) {
    struct fake_reader r;
    fake_reader_open(f, &r);
    char *got = v8_string_utf8(&r.o, string, 1000);
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
    free(got);
    fake_reader_done(&r);
}

static void representations(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    uint64_t hello = fake_one_byte(f, "hello "), world = fake_one_byte(f, "w\xf6rld");
    uint64_t cons = fake_string_of(f, TYPE_CONS_ONE, 11, hello, world);
    uint64_t sliced = fake_string_of(f, TYPE_SLICED_ONE, 5, cons, 4ull << 32);
    uint64_t thin = fake_string_of(f, TYPE_THIN_ONE, 5, sliced, 0);
    memcpy(f->native + 0x38000, "outside", 7);
    uint64_t external = fake_string_of(f, TYPE_EXTERNAL_ONE, 7, 0, FAKE_NATIVE + 0x38000);
    uint64_t uncached = fake_string_of(f, TYPE_UNCACHED_ONE, 7, 0, 0);
    const uint64_t units = 0x20acull << 0 | 0xd83dull << 16 | 0xde00ull << 32 | 0xd800ull << 48;
    uint64_t two = fake_string_of(f, TYPE_SEQ_TWO, 4, units, 0);
    fake_fill(f);
    expect(f, hello, "hello ");
    expect(f, cons, "hello w\xc3\xb6rld");
    expect(f, sliced, "o w\xc3\xb6r");
    expect(f, thin, "o w\xc3\xb6r");
    expect(f, external, "outside");
    expect(f, uncached, NULL);
    expect(f, two, "\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd");
    expect(f, 42ull << 32, NULL);
    expect(f, fake_map_address(FAKE_META), NULL);
    fake_free(f);
}

static void cut_and_compared(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    struct fake_reader r;
    uint64_t name = fake_one_byte(f, "constructor");
    fake_fill(f);
    fake_reader_open(f, &r);
    char *cut = v8_string_utf8(&r.o, name, 5);
    assert_string_equal(cut, "const");
    free(cut);
    assert_int_equal(v8_string_length(&r.o, name), 11);
    assert_true(v8_string_is(&r.o, name, "constructor"));
    assert_false(v8_string_is(&r.o, name, "constructoR"));
    assert_false(v8_string_is(&r.o, name, "construct"));
    fake_reader_done(&r);
    fake_free(f);
}

/* Strings that hold themselves, and ropes deeper than any stack of ours. */
static void broken(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    uint64_t ring = fake_string_of(f, TYPE_CONS_ONE, 100, 0, 0);
    fake_word(f->old, ring - 1 - FAKE_OLD + 16, ring);
    fake_word(f->old, ring - 1 - FAKE_OLD + 24, ring);
    uint64_t itself = fake_string_of(f, TYPE_THIN_ONE, 3, 0, 0);
    fake_word(f->old, itself - 1 - FAKE_OLD + 16, itself);
    uint64_t part = fake_one_byte(f, "x"), rope = part;
    uint64_t map = fake_own_map(f, TYPE_CONS_ONE);
    for (size_t n = 2; n <= 2000; n++) {
        const uint64_t words[] = {fake_length(n), rope, part};
        rope = fake_object(f, map, words, 3);
    }
    fake_fill(f);
    expect(f, ring, NULL);
    expect(f, itself, NULL);
    struct fake_reader r;
    fake_reader_open(f, &r);
    char *long_text = v8_string_utf8(&r.o, rope, 5000);
    assert_int_equal(strlen(long_text), 2000);
    free(long_text);
    fake_reader_done(&r);
    fake_free(f);
}

static void functions(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    uint64_t name = fake_one_byte(f, "handle");
    const uint64_t shared_words[] = {0, name, 0, 0, 0, 0};
    uint64_t shared = fake_object(f, fake_own_map(f, TYPE_SHARED), shared_words, 6);
    const uint64_t words[] = {0, 0, shared, 0, 0, 0};
    uint64_t function = fake_object(f, fake_own_map(f, TYPE_FUNCTION), words, 6);
    uint64_t stranger =
        fake_object(f, fake_own_map(f, TYPE_FUNCTION), (uint64_t[]){0, 0, name, 0}, 4);
    fake_fill(f);
    struct fake_reader r;
    fake_reader_open(f, &r);
    char *s = v8_value_summary(&r.o, function);
    assert_string_equal(s, "function handle");
    free(s);
    assert_int_equal(v8_shared_of(&r.o, stranger), 0);
    struct v8_call call = {.function = function, .is_constructor = true};
    assert_int_equal(v8_shared_read(&r.o, shared, &call.shared), 0);
    s = v8_call_name(&r.o, &call);
    assert_string_equal(s, "new handle");
    free(s);
    s = v8_value_summary(&r.o, 7ull << 32);
    assert_string_equal(s, "7");
    free(s);
    fake_reader_done(&r);
    fake_free(f);
}

/* Whatever read fails, the text is whole or not there. */
static void faults(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    uint64_t cons =
        fake_string_of(f, TYPE_CONS_ONE, 6, fake_one_byte(f, "abc"), fake_one_byte(f, "def"));
    fake_fill(f);
    bool reached = true;
    unsigned long failed = 0;
    for (unsigned long n = 1; reached; n++) {
        struct fake_reader r;
        fake_reader_open(f, &r);
        image_fake_fault_at(r.img, n);
        char *s = v8_string_utf8(&r.o, cons, 100);
        reached = image_fake_reads(r.img) >= n;
        if (s)
            assert_string_equal(s, "abcdef");
        else
            failed++;
        free(s);
        fake_reader_done(&r);
        assert_true(n < 1000);
    }
    assert_true(failed > 0);
    fake_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(representations), cmocka_unit_test(cut_and_compared),
        cmocka_unit_test(broken),          cmocka_unit_test(functions),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
