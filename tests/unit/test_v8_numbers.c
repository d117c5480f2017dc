#include "unit.h"
#include "v8/numbers.h"
#include <math.h>
#include <string.h>

static void is(char *text, const char *expected) {
    assert_string_equal(text, expected);
    free(text);
}

/* What String(x) gives in Node. */
static void numbers(void **state) {
    (void)state;
    static const struct {
        double d;
        const char *text;
    } expected[] = {
        {0, "0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {100, "100"},
        {123456789, "123456789"},
        {1e21, "1e+21"},
        {123456789012345680000.0, "123456789012345680000"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {5e-324, "5e-324"},
        {0.000001, "0.000001"},
        {0.0000015, "0.0000015"},
        {0.00000015, "1.5e-7"},
        {1e-7, "1e-7"},
        {-1e100, "-1e+100"},
        {4294967295.5, "4294967295.5"},
        {0.30000000000000004, "0.30000000000000004"},
        {9007199254740993.0, "9007199254740992"},
        {1e300 * 1e10, "Infinity"},
        {-1e300 * 1e10, "-Infinity"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        is(v8_number_text(expected[i].d), expected[i].text);
    is(v8_number_text((double)NAN), "NaN");
    is(v8_number_text(-0.0), "-0");
}

/* What new Date(ms).toISOString() gives. */
static void dates(void **state) {
    (void)state;
    is(v8_date_text(0), "1970-01-01T00:00:00.000Z");
    is(v8_date_text(-1), "1969-12-31T23:59:59.999Z");
    is(v8_date_text(951782400000.0), "2000-02-29T00:00:00.000Z");
    is(v8_date_text(-2203891200000.0), "1900-03-01T00:00:00.000Z");
    is(v8_date_text(253402300799999.0), "9999-12-31T23:59:59.999Z");
    is(v8_date_text(253402300800000.0), "+010000-01-01T00:00:00.000Z");
    is(v8_date_text(-62167219200000.0), "0000-01-01T00:00:00.000Z");
    is(v8_date_text(-62167219200001.0), "-000001-12-31T23:59:59.999Z");
    is(v8_date_text(8.64e15), "+275760-09-13T00:00:00.000Z");
    is(v8_date_text(-8.64e15), "-271821-04-20T00:00:00.000Z");
    is(v8_date_text(8.64e15 + 1), "Invalid Date");
    is(v8_date_text((double)NAN), "Invalid Date");
    is(v8_date_text(1e300), "Invalid Date");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(dates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
