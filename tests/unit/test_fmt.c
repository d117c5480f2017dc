#include "base/fmt.h"
#include "unit.h"

#define expect(call, text)                                                                         \
    do {                                                                                           \
        char buf_[FMT_MAX];                                                                        \
        assert_string_equal(call, text);                                                           \
    } while (0)

static void bytes(void **state) {
    (void)state;
    expect(fmt_bytes(buf_, 0), "0 B");
    expect(fmt_bytes(buf_, 1023), "1023 B");
    expect(fmt_bytes(buf_, 1024), "1.0 KiB");
    expect(fmt_bytes(buf_, 1536), "1.5 KiB");
    expect(fmt_bytes(buf_, (1 << 20) - 1), "1.0 MiB"); /* never "1024.0 KiB" */
    expect(fmt_bytes(buf_, 697303040), "665.0 MiB");
    expect(fmt_bytes(buf_, UINT64_MAX), "16.0 EiB");
}

static void delta(void **state) {
    (void)state;
    expect(fmt_delta(buf_, 0), "0 B");
    expect(fmt_delta(buf_, 4096), "+4.0 KiB");
    expect(fmt_delta(buf_, -4096), "-4.0 KiB");
    expect(fmt_delta(buf_, INT64_MIN), "-8.0 EiB");
}

static void count(void **state) {
    (void)state;
    expect(fmt_count(buf_, 0), "0");
    expect(fmt_count(buf_, 999), "999");
    expect(fmt_count(buf_, 1000), "1,000");
    expect(fmt_count(buf_, 12345678), "12,345,678");
    expect(fmt_count(buf_, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void duration(void **state) {
    (void)state;
    expect(fmt_duration(buf_, 0), "0 ns");
    expect(fmt_duration(buf_, 12300), "12.3 us");
    expect(fmt_duration(buf_, 999999), "1.0 ms");
    expect(fmt_duration(buf_, 12300000), "12.3 ms");
    expect(fmt_duration(buf_, 1240000000), "1.24 s");
    expect(fmt_duration(buf_, 180000000000), "3.0 min");
    expect(fmt_duration(buf_, UINT64_MAX), "5124095.6 h");
}

static void percent(void **state) {
    (void)state;
    expect(fmt_percent(buf_, 1, 3), "33.3 %");
    expect(fmt_percent(buf_, 0, 3), "0.0 %");
    expect(fmt_percent(buf_, 5, 0), "-");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),    cmocka_unit_test(delta),   cmocka_unit_test(count),
        cmocka_unit_test(duration), cmocka_unit_test(percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
