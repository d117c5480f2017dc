/* What --where and --class understand. */
#include "collect/query.h"
#include "unit.h"
#include <errno.h>

static void patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool fits;
    } cases[] = {
        {"Session", "Session", true},
        {"Session", "SessionStore", false},
        {"Session*", "Session", true},
        {"Session*", "SessionStore", true},
        {"*Store", "SessionStore", true},
        {"*Store", "Stores", false},
        {"S*S*e", "SessionStore", true},
        {"S*S*e", "Session", false},
        {"*", "", true},
        {"", "", true},
        {"", "x", false},
        {"**a**", "bab", true},
        {"a*b*c", "abbbbbbc", true},
        {"a*b*c", "abbbbbbd", false},
        {"(string)", "(string)", true},
        {"*ab", "aab", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(query_fits(cases[i].pattern, cases[i].name), cases[i].fits);
}

static void conditions(void **state) {
    (void)state;
    struct query q = {.which = QUERY_ALL};
    struct err e = {0};
    assert_true(query_is_any(&q));
    assert_int_equal(query_where(&q, "size>1M,retained<=2k,off-heap=5,length<10,size>=3", &e), 0);
    assert_false(query_is_any(&q));
    static const struct query_range want[] = {
        {QUERY_SIZE, (1 << 20) + 1, UINT64_MAX},
        {QUERY_RETAINED, 0, 2048},
        {QUERY_OFF_HEAP, 5, 5},
        {QUERY_LENGTH, 0, 9},
        {QUERY_SIZE, 3, UINT64_MAX},
    };
    assert_int_equal(q.n_where, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(q.where[i].of, want[i].of);
        assert_int_equal(q.where[i].least, want[i].least);
        assert_int_equal(q.where[i].most, want[i].most);
    }
}

static void nonsense(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "size",
                                        "size>",
                                        ">1",
                                        "size>x",
                                        "size!1",
                                        "size=>1",
                                        "sized>1",
                                        "siz>1",
                                        "size>1,",
                                        ",size>1",
                                        "size>-1",
                                        "size> 1",
                                        "size<0",
                                        "size>>1",
                                        "size>1;",
                                        "size>9223372036854775808"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct query q = {0};
        struct err e = {0};
        assert_int_equal(query_where(&q, texts[i], &e), -EINVAL);
        assert_non_null(strstr(e.what, "--where"));
    }
    struct query q = {0};
    struct err e = {0};
    for (int i = 0; i < QUERY_RANGES_MAX; i++)
        assert_int_equal(query_where(&q, "size>1", &e), 0);
    assert_int_equal(query_where(&q, "size>1", &e), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(conditions),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
