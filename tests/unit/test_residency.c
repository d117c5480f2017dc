#include "model/residency.h"
#include "unit.h"

/* Pages 1-2, 3 (of a file), 8-9 (huge); 10-11 joined to it. */
static struct residency sample(void) {
    struct residency r = {0};
    residency_add(&r, 0x1000, 0x3000, 0);
    residency_add(&r, 0x3000, 0x4000, RESIDENT_FILE);
    residency_add(&r, 0x5000, 0x5000, 0);
    residency_add(&r, 0x8000, 0xa000, RESIDENT_HUGE);
    residency_add(&r, 0xa000, 0xc000, RESIDENT_HUGE);
    return r;
}

static void totals(void **state) {
    (void)state;
    struct residency r = sample();
    assert_int_equal(r.n, 3);
    assert_int_equal(r.total_bytes, 0x7000);
    assert_int_equal(r.file_bytes, 0x1000);
    assert_int_equal(r.huge_bytes, 0x4000);
    residency_done(&r);
    assert_int_equal(r.n, 0);
}

static void bytes(void **state) {
    (void)state;
    struct residency r = sample();
    assert_int_equal(residency_bytes(&r, 0, UINT64_MAX), 0x7000);
    assert_int_equal(residency_bytes(&r, 0, 0x1000), 0);
    assert_int_equal(residency_bytes(&r, 0x1000, 0x1001), 1);
    assert_int_equal(residency_bytes(&r, 0xfff, 0x1001), 1);
    assert_int_equal(residency_bytes(&r, 0x2ff0, 0x3010), 0x20);
    assert_int_equal(residency_bytes(&r, 0x3ff0, 0x8010), 0x20);
    assert_int_equal(residency_bytes(&r, 0x4000, 0x8000), 0);
    assert_int_equal(residency_bytes(&r, 0xbfff, 0xffff), 1);
    assert_int_equal(residency_bytes(&r, 0xc000, 0xd000), 0);
    assert_int_equal(residency_bytes(&r, 0x3000, 0x3000), 0);
    assert_int_equal(residency_bytes(&r, 0x4000, 0x1000), 0); /* turned round */
    residency_done(&r);
    assert_int_equal(residency_bytes(&r, 0, UINT64_MAX), 0);
}

static void bitmap(void **state) {
    (void)state;
    struct residency r = sample();
    uint64_t bits[2] = {~0ull, ~0ull};
    residency_bitmap(&r, 0, 16, bits);
    assert_int_equal(bits[0], 0xf0e);
    residency_bitmap(&r, 0x2000, 8, bits); /* cuts a run at both ends */
    assert_int_equal(bits[0], 0xc3);
    residency_bitmap(&r, 0, 128, bits);
    assert_int_equal(bits[0], 0xf0e);
    assert_int_equal(bits[1], 0);
    residency_bitmap(&r, 0x100000, 64, bits);
    assert_int_equal(bits[0], 0);
    residency_done(&r);
}

static void bitmap_far(void **state) {
    (void)state;
    struct residency r = {0};
    residency_add(&r, 63 * 4096, 66 * 4096, 0); /* over a word's edge */
    uint64_t bits[2];
    residency_bitmap(&r, 0, 66, bits);
    assert_true(bits[0] == 1ull << 63);
    assert_int_equal(bits[1], 3);
    residency_done(&r);
}

static void lower_bound(void **state) {
    (void)state;
    struct residency r = sample();
    assert_int_equal(residency_lower_bound(&r, 0), 0);
    assert_int_equal(residency_lower_bound(&r, 0x2fff), 0);
    assert_int_equal(residency_lower_bound(&r, 0x3000), 1);
    assert_int_equal(residency_lower_bound(&r, 0x4000), 2);
    assert_int_equal(residency_lower_bound(&r, 0xc000), 3);
    residency_done(&r);
}

static void joined(void **state) {
    (void)state;
    struct residency a = sample(), b = {0}, both = {0};
    residency_add(&b, 0x4000, 0x5000, RESIDENT_FILE); /* follows one of a */
    residency_add(&b, 0x20000, 0x21000, 0);
    a.swap_bytes = 0x1000;
    b.swap_bytes = 0x2000;
    residency_join(&a, &b, &both);
    assert_int_equal(both.n, 4);
    assert_int_equal(both.at[1].end, 0x5000);
    assert_int_equal(both.total_bytes, 0x9000);
    assert_int_equal(both.file_bytes, 0x2000);
    assert_int_equal(both.swap_bytes, 0x3000);
    assert_int_equal(residency_bytes(&both, 0x4000, 0x20800), 0x5800);
    residency_done(&a);
    residency_done(&b);
    residency_done(&both);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals),     cmocka_unit_test(bytes),       cmocka_unit_test(bitmap),
        cmocka_unit_test(bitmap_far), cmocka_unit_test(lower_bound), cmocka_unit_test(joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
