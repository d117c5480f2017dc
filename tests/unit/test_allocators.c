/* Allocators other than glibc's, their heaps built by hand, whole and with reads that fail. */
#include "unit.h"

#include "fake_allocators.h"

/* Every byte of the spans has one state. */
static void assert_partition(const struct malloc_census *c, const struct image *img) {
    uint64_t bytes = 0, resident = 0, spans = 0, spans_resident = 0;
    for (int s = 0; s < MALLOC_STATES; s++) {
        bytes += c->own[s].bytes;
        resident += c->own[s].resident;
    }
    for (size_t i = 0; i < c->spans.n; i++) {
        spans += c->spans.at[i].end - c->spans.at[i].start;
        spans_resident +=
            residency_bytes(image_residency(img), c->spans.at[i].start, c->spans.at[i].end);
        assert_true(i == 0 || c->spans.at[i - 1].end <= c->spans.at[i].start);
    }
    assert_int_equal(bytes, spans);
    assert_int_equal(resident, spans_resident);
}

static void as_built(void **state) {
    (void)state;
    for (size_t i = 0; i < FAKE_HEAPS; i++) {
        struct fake_heap h;
        struct malloc_census c;
        fake_heap_build(&h, i);
        struct image *img = fake_heap_image(&h);
        struct malloc_allocator a = {.kind = h.kind};
        struct malloc_hints hints = {.allocator = &a};
        print_message("%s\n", malloc_kind_name(h.kind));
        assert_int_equal(malloc_census_take(img, &hints, &c, NULL), 0);
        print_message("%s, broken %d\n", c.note, (int)c.coverage.walk_errors);
        assert_true(c.own_walked);
        assert_int_equal(c.coverage.walk_errors, 0);
        assert_int_equal(c.coverage.list_errors, 0);
        assert_int_equal(c.own[MALLOC_IN_USE].count, h.in_use);
        assert_int_equal(c.own[MALLOC_TCACHED].count, h.tcached);
        assert_int_equal(c.own[MALLOC_BINNED].count, h.free);
        assert_int_equal(c.own[MALLOC_UNWALKED].bytes, 0);
        assert_partition(&c, img);
        malloc_census_done(&c);
        image_free(img);
        fake_heap_done(&h);
    }
}

static void fault_loop(void **state) {
    (void)state;
    for (size_t i = 0; i < FAKE_HEAPS; i++) {
        struct fake_heap h;
        /* Most reads are of the large ones' empty tables. */
        unsigned long n = 0, walked = 0, step = i >= 2 ? 11 : 1;
        fake_heap_build(&h, i);
        struct image *img = fake_heap_image(&h);
        struct malloc_allocator a = {.kind = h.kind};
        struct malloc_hints hints = {.allocator = &a};
        do {
            struct malloc_census c;
            image_fake_fault_at(img, n += step);
            assert_int_equal(malloc_census_take(img, &hints, &c, NULL), 0);
            assert_partition(&c, img);
            walked += c.own_walked;
            malloc_census_done(&c);
        } while (image_fake_reads(img) >= n);
        assert_true(n > 3);
        assert_true(walked > 0);
        image_free(img);
        fake_heap_done(&h);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_built),
        cmocka_unit_test(fault_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
