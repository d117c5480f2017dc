/* The small ones: errors, the map, the vector, text, memory. */
#include "base/bits.h"
#include "base/err.h"
#include "base/map64.h"
#include "base/parallel.h"
#include "base/search.h"
#include "base/text.h"
#include "base/vec.h"
#include "unit.h"
#include <errno.h>

static void errors(void **state) {
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, -ESRCH, "Look again.", "Process %d is gone.", 7), -ESRCH);
    assert_string_equal(e.what, "Process 7 is gone.");
    assert_string_equal(e.hint, "Look again.");
    assert_int_equal(err_set(&e, -EPERM, NULL, "No."), -EPERM);
    assert_string_equal(e.hint, "");
    assert_int_equal(err_set(NULL, -EIO, "", "Nobody asks."), -EIO);
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&e, -EIO, longer, "%s", longer);
    assert_int_equal(strlen(e.what), sizeof e.what - 1);
    assert_int_equal(strlen(e.hint), sizeof e.hint - 1);
    assert_string_equal(err_json_code(-ESRCH), "target-gone");
    assert_string_equal(err_json_code(-EACCES), "no-permission");
    assert_string_equal(err_json_code(-EINVAL), "usage");
    assert_string_equal(err_json_code(-12345), "io");
    assert_int_equal(err_exit_code(0), 0);
    assert_int_equal(err_exit_code(-EINVAL), 2);
    assert_int_equal(err_exit_code(-EPERM), 3);
    assert_int_equal(err_exit_code(-ENOMEM), 5);
}

struct pieces {
    size_t made[PARALLEL_SLOTS], taken, end;
    size_t in_use[PARALLEL_SLOTS];
};

static void make_piece(void *pieces, size_t i, size_t slot) {
    struct pieces *p = pieces;
    assert_int_equal(p->in_use[slot]++, 0);
    for (volatile size_t work = 0; work < i * 7919 % 5000;) /* each takes another time */
        work++;
    p->made[slot] = i;
}

static bool take_piece(void *pieces, size_t i, size_t slot) {
    struct pieces *p = pieces;
    assert_int_equal(i, p->taken);
    assert_int_equal(p->made[slot], i);
    p->in_use[slot]--;
    return ++p->taken < p->end;
}

static void in_order(void **state) {
    (void)state;
    enum { N = 5000 };
    for (size_t n = 0; n < 20; n++) {
        struct pieces p = {.end = SIZE_MAX};
        parallel_in_order(n, make_piece, take_piece, &p);
        assert_int_equal(p.taken, n);
    }
    struct pieces all = {.end = SIZE_MAX}, some = {.end = 700};
    parallel_in_order(N, make_piece, take_piece, &all);
    assert_int_equal(all.taken, N);
    parallel_in_order(N, make_piece, take_piece, &some);
    assert_int_equal(some.taken, 700);
}

static void make_ahead(void *pieces, size_t i, size_t slot) {
    struct pieces *p = pieces;
    for (volatile size_t work = 0; work < i * 7919 % 5000;)
        work++;
    p->made[slot] = i;
}

/* A slot is its taker's until the next is taken. */
static void ahead(void **state) {
    (void)state;
    enum { N = 3000 };
    struct pieces p = {0};
    for (size_t end = 0; end <= N; end += N / 3) { /* ended early, too */
        struct parallel_ahead *a = parallel_ahead_new(N, make_ahead, &p);
        for (size_t i = 0; a && i < end; i++) {
            size_t slot = parallel_ahead_take(a);
            for (volatile size_t work = 0; work < i * 104729 % 7000;)
                work++;
            assert_int_equal(p.made[slot], i);
        }
        parallel_ahead_free(a);
    }
}

static void sets(void **state) {
    (void)state;
    enum { N = 500 };
    uint64_t *set = bits_new(N);
    assert_int_equal(bits_next(set, 0, N, true), N);
    assert_int_equal(bits_next(set, 0, N, false), 0);
    for (uint64_t i = 0; i < N; i++)
        if (i % 7 == 3 || (i >= 128 && i < 256))
            bits_set(set, i);
    for (uint64_t i = 0; i <= N; i++) {
        uint64_t in = i, out = i;
        while (in < N && !bits_get(set, in))
            in++;
        while (out < N && bits_get(set, out))
            out++;
        assert_int_equal(bits_next(set, i, N, true), in);
        assert_int_equal(bits_next(set, i, N, false), out);
    }
    uint64_t word = 0x0f;
    assert_int_equal(bits_claim_some(&word, 0x3c), 0x30);
    assert_int_equal(bits_claim_some(&word, 0x3c), 0);
    assert_int_equal(word, 0x3f);
    free(set);
}

static void map(void **state) {
    (void)state;
    struct map64 m = {0};
    uint64_t v = 5;
    assert_false(map64_get(&m, 1, &v));
    for (uint64_t k = 1; k <= 10000; k++)
        map64_put(&m, k << 12, k);
    assert_int_equal(m.n, 10000);
    for (uint64_t k = 1; k <= 10000; k++) {
        assert_true(map64_get(&m, k << 12, &v));
        assert_int_equal(v, k);
    }
    map64_put(&m, 1 << 12, 77);
    assert_int_equal(m.n, 10000);
    assert_true(map64_get(&m, 1 << 12, &v));
    assert_int_equal(v, 77);
    assert_false(map64_get(&m, 3, &v));
    assert_false(map64_get(&m, 0, &v));
    assert_int_equal(v, 77); /* untouched */
    assert_true(map64_get(&m, 1 << 12, NULL));
    map64_put(&m, UINT64_MAX, 0);
    assert_true(map64_get(&m, UINT64_MAX, &v));
    assert_int_equal(v, 0);
    map64_done(&m);
    assert_false(map64_get(&m, 1 << 12, &v));
}

static int by_value(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static void vec(void **state) {
    (void)state;
    VEC(int) v = {0};
    vec_sort(&v, by_value);
    for (int i = 0; i < 1000; i++)
        vec_push(&v, 999 - i);
    assert_int_equal(v.n, 1000);
    vec_sort(&v, by_value);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v.at[i], i);
    vec_free(&v);
    assert_null(v.at);
}

static void search(void **state) {
    (void)state;
    static const struct { uint64_t start, end; } r[] = {{10, 20}, {20, 20}, {30, 40}};
    assert_int_equal(first_where(3, i, r[i].start >= 20), 1);
    assert_int_equal(first_where(3, i, r[i].end > 20), 2);
    assert_int_equal(first_where(3, i, r[i].start >= 31), 3);
    assert_int_equal(first_where(3, i, r[i].start >= 1), 0);
    assert_int_equal(first_where(0, i, r[i].start >= 1), 0);
}

static void utf8(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff", "\xef\xbf\xbd"},
        {"\xc3", "\xef\xbf\xbd"},                                                 /* cut off */
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                                 /* cut off */
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},                                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                 /* surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* over 10FFFF */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup_free char *clean = text_clean(cases[i].in);
        assert_string_equal(clean, cases[i].out);
        json_t *j = text_json(cases[i].in);
        assert_non_null(j);
        json_decref(j);
    }
    assert_int_equal(text_width("\xc3\xa9x"), 2);
    assert_int_equal(text_prefix_bytes("\xc3\xa9x", 1), 2);
    assert_int_equal(text_prefix_bytes("abc", 9), 3);
}

static void code_points(void **state) {
    (void)state;
    static const struct {
        uint32_t c;
        const char *utf8;
    } cases[] = {
        {'a', "a"}, {0xe9, "\xc3\xa9"}, {0x20ac, "\xe2\x82\xac"}, {0x1f600, "\xf0\x9f\x98\x80"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char got[8];
        *text_put_utf8(got, cases[i].c) = 0;
        assert_string_equal(got, cases[i].utf8);
    }
}

static void identifiers(void **state) {
    (void)state;
    assert_true(text_is_identifier("a1"));
    assert_true(text_is_identifier("$_"));
    assert_true(text_is_identifier("na\xc3\xafve"));
    assert_false(text_is_identifier("1a"));
    assert_false(text_is_identifier("a-b"));
    assert_false(text_is_identifier(""));
}

static void words(void **state) {
    (void)state;
    assert_int_equal(text_distance("heap", "heap"), 0);
    assert_int_equal(text_distance("exlpain", "explain"), 1); /* a swap is one slip */
    assert_int_equal(text_distance("", "map"), 3);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_true(text_resembles("exlpian", "explain"));
    assert_true(text_resembles("mpa", "map"));
    assert_false(text_resembles("map", "map"));
    assert_false(text_resembles("node", "map"));
    assert_false(text_resembles("a-very-long-word-that-nobody-would-ever-type", "map"));
}

static void memory(void **state) {
    (void)state;
    cleanup_free char *s = mem_printf("%d-%s", 3, "x");
    assert_string_equal(s, "3-x");
    cleanup_free char *cut = mem_strndup("abcdef", 3);
    assert_string_equal(cut, "abc");
    cleanup_free char *whole = mem_strndup("ab", 30);
    assert_string_equal(whole, "ab");
    cleanup_free void *none = mem_alloc(0);
    assert_non_null(none);
    cleanup_free unsigned char *zeros = mem_zalloc(100);
    assert_int_equal(zeros[99], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),      cmocka_unit_test(in_order), cmocka_unit_test(map),
        cmocka_unit_test(vec),         cmocka_unit_test(utf8),     cmocka_unit_test(code_points),
        cmocka_unit_test(identifiers), cmocka_unit_test(words),    cmocka_unit_test(memory),
        cmocka_unit_test(search),      cmocka_unit_test(ahead),    cmocka_unit_test(sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
