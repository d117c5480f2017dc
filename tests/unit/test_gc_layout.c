/* V8's record of a collection: what it says in each line of V8, and bytes that are none. */
#include "unit.h"

#include "trace/gc_layout.h"
#include <errno.h>
#include <string.h>

/* A line of V8, where its fields are (src/heap/gc-tracer.h), and its time. */
static const struct line {
    int major, minor;
    unsigned reason, start, end, sizes;
    bool doubles;
} lines[] = {
    {7, 8, 0x0c, 0x18, 0x20, 0x30, true},   {9, 4, 0x0c, 0x18, 0x20, 0x30, true},
    {10, 2, 0x10, 0x20, 0x28, 0x38, true},  {11, 3, 0x10, 0x20, 0x28, 0x38, true},
    {12, 4, 0x10, 0x20, 0x28, 0x38, false}, {13, 6, 0x10, 0x28, 0x30, 0x40, false},
    {14, 6, 0x10, 0x28, 0x30, 0x40, false},
};
enum { LINES = sizeof lines / sizeof *lines, START_US = 90000000, PAUSE_US = 1234 };

static void put(struct gc_probe_record *r, unsigned at, const void *value, size_t n) {
    memcpy(r->front + at, value, n);
}

static void put_time(const struct line *l, struct gc_probe_record *r, unsigned at, uint64_t us) {
    double ms = (double)us / 1000;
    put(r, at, l->doubles ? (void *)&ms : (void *)&us, sizeof us);
}

static struct gc_probe_record record(const struct line *l, uint32_t type, uint32_t reason) {
    static const uint64_t sizes[] = {20 << 20, 12 << 20, 40 << 20, 41 << 20};
    struct gc_probe_record r = {.at_ns = (START_US + PAUSE_US + 5) * UINT64_C(1000)};
    static const double utilization[] = {90, 10, 0.75};
    uint64_t heap = 0x1234560;
    put(&r, 0, &heap, sizeof heap);
    put(&r, 8, &type, sizeof type);
    put(&r, l->reason, &reason, sizeof reason);
    put_time(l, &r, l->start, START_US);
    put_time(l, &r, l->end, START_US + PAUSE_US);
    put(&r, l->sizes, sizes, sizeof sizes);
    memcpy(r.utilization, utilization, sizeof utilization);
    return r;
}

static void every_line_of_v8(void **state) {
    (void)state;
    for (size_t i = 0; i < LINES; i++) {
        const struct line *l = &lines[i];
        struct gc_probe_record r = record(l, 0, 1);
        struct gc_event e;
        assert_int_equal(gc_layout_decode(gc_layout_of(l->major, l->minor), &r, &e), 0);
        assert_int_equal(e.kind, GC_SCAVENGE);
        assert_string_equal(e.reason, "allocation failure");
        assert_int_equal(e.at_ns, START_US * UINT64_C(1000));
        assert_int_equal(e.pause_ns, PAUSE_US * 1000);
        assert_int_equal(e.before_bytes, 20 << 20);
        assert_int_equal(e.after_bytes, 12 << 20);
        assert_int_equal(e.committed_before_bytes, 40 << 20);
        assert_int_equal(e.committed_after_bytes, 41 << 20);
        assert_true(e.has_utilization && e.utilization == 0.9 && e.utilization_last == 0.75);
        assert_int_equal(gc_layout_heap(&r), 0x1234560);
        assert_int_equal(e.steps_ns, 0);
    }
}

static void words_of_reasons(void **state) {
    (void)state;
    struct gc_event e;
    struct gc_probe_record old = record(&lines[0], 1, 12), new = record(&lines[LINES - 1], 3, 26);
    assert_int_equal(gc_layout_decode(gc_layout_of(7, 8), &old, &e), 0);
    assert_string_equal(e.reason, "idle task");
    assert_int_equal(gc_layout_decode(gc_layout_of(14, 6), &new, &e), 0);
    assert_string_equal(e.reason, "finalize concurrent MinorMS");
    assert_int_equal(e.kind, GC_MINOR_MARK);
    new = record(&lines[LINES - 1], 1, 77); /* a reason of later: still a collection */
    assert_int_equal(gc_layout_decode(gc_layout_of(14, 6), &new, &e), 0);
    assert_null(e.reason);
}

static void steps_of_marking(void **state) {
    (void)state;
    struct gc_event e;
    const struct line *l = &lines[LINES - 1];
    struct gc_probe_record r = record(l, 2, 9);
    r.steps[0] = 5000, r.steps[1] = 700, r.steps[2] = UINT64_C(0xdead) << 32 | 12;
    assert_int_equal(gc_layout_decode(gc_layout_of(14, 6), &r, &e), 0);
    assert_int_equal(e.steps, 12);
    assert_int_equal(e.steps_ns, 5000000);
    assert_int_equal(e.kind, GC_MARK_COMPACT);
    r.steps[1] = 5001; /* longer than all together: these are no steps */
    assert_int_equal(gc_layout_decode(gc_layout_of(14, 6), &r, &e), 0);
    assert_int_equal(e.steps_ns, 0);
    r.utilization[2] = 0x4000000000000000; /* 2.0 */
    assert_int_equal(gc_layout_decode(gc_layout_of(14, 6), &r, &e), 0);
    assert_false(e.has_utilization);
}

static void another_layout_is_noticed(void **state) {
    (void)state;
    for (size_t i = 0; i < LINES; i++)
        for (size_t k = 0; k < LINES; k++) {
            const struct line *a = &lines[i], *b = &lines[k];
            bool same = a->start == b->start && a->doubles == b->doubles;
            struct gc_probe_record r = record(a, 0, 1);
            struct gc_event e = {.pause_ns = 77};
            int rc = gc_layout_decode(gc_layout_of(b->major, b->minor), &r, &e);
            assert_int_equal(rc, same ? 0 : -EBADMSG);
            if (rc < 0)
                assert_int_equal(e.pause_ns, 77);
        }
}

static void what_cannot_be(void **state) {
    (void)state;
    const struct line *l = &lines[5];
    const struct gc_layout *layout = gc_layout_of(l->major, l->minor);
    struct gc_event e;
    struct gc_probe_record good = record(l, 0, 1), r = good;
    r.at_ns = START_US * UINT64_C(1000); /* it ends after the probe was hit */
    assert_int_equal(gc_layout_decode(layout, &r, &e), -EBADMSG);
    r = good;
    put_time(l, &r, l->end, START_US - 1);
    assert_int_equal(gc_layout_decode(layout, &r, &e), -EBADMSG);
    r = good;
    r.front[8] = 5; /* V8's START: no collection */
    assert_int_equal(gc_layout_decode(layout, &r, &e), -EBADMSG);
    r = good;
    memset(r.front + l->sizes, 0xff, 8);
    assert_int_equal(gc_layout_decode(layout, &r, &e), -EBADMSG);
    srand(1);
    for (int i = 0; i < 200000; i++) { /* whatever the bytes: no arithmetic on them is undefined */
        uint8_t *bytes = (uint8_t *)&r;
        for (size_t b = 0; b < sizeof r; b++)
            bytes[b] = (uint8_t)(rand() >> 7);
        r.front[8] &= 3;
        gc_layout_decode(gc_layout_of(7 + i % 8, i % 10), &r, &e);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_of_v8),          cmocka_unit_test(words_of_reasons),
        cmocka_unit_test(steps_of_marking),          cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(another_layout_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
