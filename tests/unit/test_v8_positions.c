#include "unit.h"
#include "v8/positions.h"
#include "v8/translation.h"
#include <errno.h>
#include <string.h>

/* `function inl(cb){ return cb(5)+1 }` at position 123 of its script, as processes of the official
 * builds have it: 16 to 24, and 26. */
static const uint8_t table_94[] = {0x01, 0xc0, 0x04, 0x02, 0x18, 0x07,
                                   0x1c, 0x09, 0x14, 0x06, 0x08};
static const uint8_t table_146[] = {0x02, 0xc0, 0x04, 0x07, 0x18, 0x0e,
                                    0x1c, 0x12, 0x14, 0x0f, 0x08};

static void positions(void **state) {
    (void)state;
    static const struct {
        int32_t offset;
        uint32_t position;
    } expected[] = {{-1, 143}, {0, 149}, {2, 149}, {3, 156}, {6, 156}, {7, 161}, {10, 163}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        uint32_t got = 0;
        assert_int_equal(v8_position_at(table_94, sizeof table_94, 94, expected[i].offset, &got),
                         0);
        assert_int_equal(got, expected[i].position);
        assert_int_equal(v8_position_at(table_146, sizeof table_146, 146, expected[i].offset, &got),
                         0);
        assert_int_equal(got, expected[i].position);
    }
    uint32_t untouched = 7;
    for (size_t n = 1; n < sizeof table_94; n++)
        if (v8_position_at(table_94, n, 94, 100, &untouched) < 0)
            assert_int_equal(untouched, 7);
        else
            untouched = 7;
    assert_int_equal(v8_position_at(table_94, 2, 94, 100, &untouched), -EBADMSG);
    assert_int_equal(v8_position_at(NULL, 0, 94, 100, &untouched), -ENODATA);
}

static void baseline(void **state) {
    (void)state;
    /* A made-up machine: bytecode 4 is 1 byte long, 5 is 2; wide forms twice as long behind their
     * prefix. */
    static const uint8_t lengths[] = {1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 5};
    static const struct v8_bytecode_sizes sizes = {lengths, 6};
    static const uint8_t code[] = {5, 9, 4, 0, 5, 1, 2, 4};
    static const uint8_t table[] = {10, 4, 0x82, 0x01, 6, 2};
    static const struct {
        uint64_t pc;
        int32_t offset;
    } expected[] = {{1, -1},  {10, -1}, {11, 0},  {14, 0}, {15, 2},
                    {144, 2}, {145, 3}, {150, 3}, {151, 7}};
    int32_t got = 0;
    assert_int_equal(v8_bytecode_length(&sizes, code, sizeof code, 3), 4);
    assert_int_equal(v8_bytecode_length(&sizes, code, 6, 3), 0); /* does not fit */
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(v8_baseline_offset(&sizes, table, sizeof table, code, sizeof code,
                                            expected[i].pc, &got),
                         0);
        assert_int_equal(got, expected[i].offset);
    }
    assert_int_equal(v8_baseline_offset(&sizes, table, sizeof table, code, sizeof code, 153, &got),
                     -EBADMSG);
}

/* A table that was cut, is of other bytecode, or is read in the other format does not fit. */
static void fits(void **state) {
    (void)state;
    static const uint8_t lengths[] = {1, 1, 1, 1, 2, 1, 4, 3, 1, 1, 1,  1,
                                      3, 1, 7, 5, 1, 1, 1, 1, 5, 1, 13, 9};
    static const struct v8_bytecode_sizes sizes = {lengths, 8};
    static const uint8_t code[] = {4, 5, 5, 6, 3, 248, 1, 7, 1, 0, 5}; /* as of `inl` above */
    assert_true(v8_positions_fit(table_94, sizeof table_94, 94, &sizes, code, sizeof code));
    assert_true(v8_positions_fit(table_146, sizeof table_146, 146, &sizes, code, sizeof code));
    assert_false(v8_positions_fit(table_146, sizeof table_146, 94, &sizes, code, sizeof code));
    assert_false(v8_positions_fit(table_94, sizeof table_94, 94, &sizes, code, sizeof code - 1));
    assert_false(v8_positions_fit(table_94, sizeof table_94 - 1, 94, &sizes, code, sizeof code));
}

static size_t unhex(const char *hex, uint8_t *to) {
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;
        for (int k = 0; k < 2; k++) {
            char c = hex[2 * i + (size_t)k];
            v = v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        to[i] = (uint8_t)v;
    }
    return n;
}

/* outer(cb) { return inl(cb)+2 } with inl inlined, optimised: the whole array, and where the
 * translations of one place in inl and of one in outer begin. */
static const struct {
    int flavour;
    const char *bytes;
    int in_inl, in_outer;
    int outer_literal;
} arrays[] = {
    {94,
     "06040400240606020002300630033005300a2c082c082406000400022c0a2c0c30052c0e2c082c082c08060404"
     "00240606020000300630033005300a2c082c08240e000400002c0a2c0c30052c0e2c082c082e00060404002406"
     "06020000300630033005300a2c082c08240e000400002c0a2c0c30052c0e2c082c082e0006020200240e060200"
     "00300630033005300a2c081c0406020200240306020000300630033005300a2c082c08",
     42, 126, 3},
    {113,
     "020004041706060200021f061f031f051f0a1c1c1706000400021d081d0a1f051d0c1c1c1c02250404180606022a1"
     "80e0"
     "0042a1e0002350404180606022a180e00042a1e0002450202180e0602290f0202500202180306022a",
     37, 69, 3},
    {124,
     "0c000404000606020002230623032305230a20200006000400022108210a2305210c2020200c250404010606022e0"
     "10e0"
     "0042e22000c350404010606022e010e00042e22000c450202010e06022d18020c500202010306022e",
     37, 69, 3},
    {136,
     "0e00040400060200010002280628032805280a25250006000202000226042606280526082525250e2704040106020"
     "0013"
     "3010e0002023327000e390404010602000133010e0002023327000e4b0202010e020001321d020e57020201030200"
     "0133",
     39, 75, 1},
};

static void translations(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        uint8_t bytes[512];
        struct v8_translated_frame f[V8_TRANSLATED_MAX];
        int flavour = arrays[i].flavour;
        size_t n = unhex(arrays[i].bytes, bytes);
        assert_int_equal(v8_translation_read(bytes, n, (size_t)arrays[i].in_inl, flavour, f), 2);
        assert_int_equal(f[0].kind, TRANSLATED_FUNCTION);
        assert_int_equal(f[0].literal, arrays[i].outer_literal);
        assert_int_equal(f[0].offset, 3);
        assert_int_equal(f[0].function.where, WHERE_SLOT); /* of the frame: the word at fp - 16 */
        assert_int_equal(f[0].function.index, 3);
        assert_int_equal(f[0].receiver.index, -1); /* at fp + 16 */
        assert_int_equal(f[1].literal, 0);
        assert_int_equal(f[1].offset, 7);
        assert_int_equal(f[1].function.where, WHERE_LITERAL);
        assert_int_equal(v8_translation_read(bytes, n, (size_t)arrays[i].in_outer, flavour, f), 1);
        assert_int_equal(f[0].offset, 7);
        assert_int_equal(v8_translation_read(bytes, n, 1, flavour, f), -EBADMSG);
        assert_int_equal(v8_translation_read(bytes, n, n, flavour, f), -EBADMSG);
        assert_int_equal(v8_translation_read(bytes, n, 0, 1, f), -ENOTSUP);
    }
}

/* Safepoint tables of the same functions: entry 3 belongs to the first call. */
static void safepoints(void **state) {
    (void)state;
    static const struct {
        int flavour;
        bool maglev;
        const char *bytes;
        uint32_t pc, trampoline;
        int deopt;
    } tables[] = {
        {94, false,
         "020000000100000060000000"
         "03000000f2000000d700000004000000f9000000"
         "0101",
         0x60, 0xf2, 3},
        {102, false, "02000000910400005304d4c105d80101", 0x53, 0xd3, 3},
        {102, false, "02000000910400005204d8c505dc0101", 0xc5, 0xdb, 4},
        {136, false, "0600000002000000910400004404c7b405cb0101", 0x44, 0xc6, 3},
        {136, true,
         "0500000004000000a1000000000000001c00033701006400043b0100d700000000011f0100000001", 0x64,
         0x13a, 3},
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        uint8_t b[64];
        size_t n = unhex(tables[i].bytes, b);
        int flavour = tables[i].flavour;
        bool maglev = tables[i].maglev;
        assert_int_equal(v8_safepoint_find(b, n, tables[i].pc, flavour, maglev), tables[i].deopt);
        assert_int_equal(v8_safepoint_find(b, n, tables[i].trampoline, flavour, maglev),
                         tables[i].deopt);
        assert_int_equal(v8_safepoint_find(b, n, tables[i].pc + 1, flavour, maglev), -ENODATA);
        assert_int_equal(v8_safepoint_find(b, 4, tables[i].pc, flavour, maglev), -ENODATA);
    }
    /* One that has no deoptimisation entry: a call that cannot come back to other code. */
    uint8_t b[64];
    size_t n = unhex(tables[4].bytes, b);
    assert_int_equal(v8_safepoint_find(b, n, 0xd7, 136, true), -ENODATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions),    cmocka_unit_test(fits),       cmocka_unit_test(baseline),
        cmocka_unit_test(translations), cmocka_unit_test(safepoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
