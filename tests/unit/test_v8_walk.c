#include "unit.h"
#include "v8_fake.h"
#include <errno.h>

static struct v8_census take(const struct v8_fake *f, int expect) {
    struct v8_census c = {0};
    struct err e = {0};
    struct image *img = fake_image(f);
    assert_int_equal(v8_census_take(img, &f->layout, V8_ACCEPT_UNWALKED, NULL, &c, &e), expect);
    image_free(img);
    return c;
}

static void add_objects(struct v8_fake *f) {
    fake_put(f, FAKE_OBJECT, 32, 0);
    fake_put(f, FAKE_FIXED_ARRAY, 16 + 8 * 5, 5ull << 32);
    fake_put(f, FAKE_BYTE_ARRAY, 16 + 16, 11ull << 32);
    fake_put(f, FAKE_FILLER1, 8, 0);
    fake_put(f, FAKE_FILLER2, 16, 0);
    fake_put(f, FAKE_FREE, 48, 48ull << 32);
}

static void partition(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    fake_fill(f);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.isolates.n, 1);
    const struct v8_space_census *s = &c.isolates.at[0].space[V8_OLD];
    assert_int_equal(s->pages, 1);
    assert_int_equal(s->committed, FAKE_PAGE);
    assert_int_equal(s->objects, 3);
    assert_int_equal(s->part[V8_OBJECTS].bytes, 32 + 56 + 32);
    assert_int_equal(s->part[V8_HEADER].bytes, FAKE_AREA);
    assert_int_equal(s->part[V8_FREE].bytes, FAKE_PAGE - FAKE_AREA - 120);
    assert_int_equal(s->part[V8_UNWALKED].bytes, 0);
    /* The fake image is resident throughout. */
    for (int p = 0; p < V8_PARTS; p++)
        assert_int_equal(s->part[p].bytes, s->part[p].resident);
    v8_census_done(&c);
    fake_free(f);
}

static void allocation_area(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    uint64_t top = FAKE_OLD + f->at, limit = FAKE_OLD + FAKE_PAGE;
    memset(f->old + f->at, 0x55, FAKE_PAGE - f->at); /* what was there before */
    uint64_t space = FAKE_OLD_SPACE - FAKE_NATIVE;
    fake_word(f->native, space + 8 * 30, FAKE_OLD + FAKE_AREA);
    fake_word(f->native, space + 8 * 31, top);
    fake_word(f->native, space + 8 * 32, limit);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].part[V8_LAB].bytes, limit - top);
    assert_int_equal(c.unwalked_bytes, 0);
    v8_census_done(&c);
    /* The thread was stopped between taking 40 bytes and writing the object. */
    fake_word(f->native, space + 8 * 31, top + 40);
    c = take(f, 0);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].part[V8_LAB].bytes, limit - top - 40);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].part[V8_OBJECTS].bytes, 120 + 40);
    assert_int_equal(c.unwalked_bytes, 0);
    v8_census_done(&c);
    fake_free(f);
}

/* As version 7.8 keeps it: {top, limit}, lowered to somewhere, and the original pair. */
static void lowered_limit(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    uint64_t top = FAKE_OLD + f->at, limit = FAKE_OLD + FAKE_PAGE;
    memset(f->old + f->at, 0x55, FAKE_PAGE - f->at);
    uint64_t space = FAKE_OLD_SPACE - FAKE_NATIVE;
    fake_word(f->native, space + 8 * 30, top);
    fake_word(f->native, space + 8 * 31, top + 1003);
    fake_word(f->native, space + 8 * 34, FAKE_OLD + FAKE_AREA);
    fake_word(f->native, space + 8 * 35, limit);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].part[V8_LAB].bytes, limit - top);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].part[V8_OBJECTS].bytes, 120);
    v8_census_done(&c);
    /* Without the original pair it is no area: any two words may look like it. */
    fake_word(f->native, space + 8 * 34, 0);
    c = take(f, 0);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].part[V8_LAB].bytes, 0);
    v8_census_done(&c);
    fake_free(f);
}

/* An area that only native memory elsewhere knows: a background thread's. */
static void background_area(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    uint64_t top = FAKE_OLD + f->at;
    memset(f->old + f->at, 0x55, 4096);
    f->at += 4096;
    fake_word(f->native, 0x100, top);
    fake_word(f->native, 0x108, top);
    fake_word(f->native, 0x110, top + 4096);
    fake_fill(f);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].part[V8_LAB].bytes, 4096);
    assert_int_equal(c.unwalked_bytes, 0);
    v8_census_done(&c);
    fake_free(f);
}

/* One word that belongs to no object: a dead string's map, which reads as an object of 4 KiB. */
static void gap(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    fake_put(f, FAKE_BYTE_ARRAY, 8, 0);
    for (int i = 0; i < 200; i++) /* its length is the next object's map */
        fake_put(f, FAKE_OBJECT, 32, 0x1234567);
    fake_fill(f);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.unwalked_bytes, 0);
    assert_int_equal(c.isolates.at[0].space[V8_OLD].objects, 3 + 200);
    v8_census_done(&c);
    fake_free(f);
}

static void broken_object(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    uint64_t rest = FAKE_PAGE - f->at;
    memset(f->old + f->at, 0x41, rest);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.unwalked_bytes, rest);
    assert_int_equal(c.notes.n, 1);
    v8_census_done(&c);
    struct err e = {0};
    struct image *img = fake_image(f);
    c = (struct v8_census){0};
    assert_int_equal(v8_census_take(img, &f->layout, 0, NULL, &c, &e),
                     -EBUSY); /* worth another stop */
    image_free(img);
    v8_census_done(&c);
    fake_free(f);
}

static void array_buffers(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    const struct v8_facts *k = &f->layout.facts;
    for (int i = 0; i < 3; i++) {
        uint64_t at = f->at;
        fake_put(f, FAKE_BUFFER, 72, 0);
        fake_word(f->old, at + (uint64_t)k->array_buffer_byte_length, 1000);
        /* The first two share a store. */
        fake_word(f->old, at + (uint64_t)k->array_buffer_store,
                  FAKE_NATIVE + (i == 2 ? 0x3000 : 0x1000));
    }
    fake_fill(f);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.stores.n, 2);
    assert_int_equal(c.isolates.at[0].array_buffer_count, 2);
    assert_int_equal(c.isolates.at[0].array_buffer_bytes, 2000);
    v8_census_done(&c);
    fake_free(f);
}

static void collection_under_way(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    fake_fill(f);
    fake_word(f->native, FAKE_HEAP - FAKE_NATIVE + 0x1d8, 2);
    struct v8_census c = take(f, -EAGAIN);
    v8_census_done(&c);
    fake_free(f);
}

/* A page in no space's list is not part of the heap. */
static void stale_page(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    fake_fill(f);
    fake_word(f->native, FAKE_OLD_SPACE - FAKE_NATIVE + 8 * 23, 0);
    fake_word(f->native, FAKE_OLD_SPACE - FAKE_NATIVE + 8 * 24, 0);
    struct v8_census c = take(f, 0);
    assert_int_equal(c.stale.pages, 1);
    assert_int_equal(c.stale.resident, FAKE_PAGE);
    v8_census_done(&c);
    fake_free(f);
}

/* Fail at the n-th read until none fails: no crash, no hang, no bytes out of nowhere. */
static void faults(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    fake_fill(f);
    unsigned long n = 1;
    for (;; n++) {
        struct v8_census c = {0};
        struct err e = {0};
        struct image *img = fake_image(f);
        image_fake_fault_at(img, n);
        int r = v8_census_take(img, &f->layout, V8_ACCEPT_UNWALKED | V8_LIVENESS, NULL, &c, &e);
        bool reached = image_fake_reads(img) >= n;
        for (size_t i = 0; r == 0 && i < c.isolates.n; i++)
            assert_true(c.isolates.at[i].space[V8_OLD].committed <= FAKE_PAGE &&
                        c.isolates.at[i].space[V8_OLD].live <=
                            c.isolates.at[i].space[V8_OLD].part[V8_OBJECTS].bytes);
        v8_census_done(&c);
        image_free(img);
        if (!reached)
            break;
    }
    assert_true(n > 10);
    fake_free(f);
}

/* The fake has no global handles: what lives is not told, and a note says so. */
static void liveness_unknown(void **state) {
    (void)state;
    struct v8_fake *f = fake_new();
    add_objects(f);
    fake_fill(f);
    struct v8_census c = {0};
    struct err e = {0};
    struct image *img = fake_image(f);
    assert_int_equal(v8_census_take(img, &f->layout, V8_LIVENESS, NULL, &c, &e), 0);
    assert_false(c.has_liveness);
    assert_int_equal(c.notes.n, 1);
    assert_non_null(strstr(c.notes.at[0], "which objects live is not known"));
    v8_census_done(&c);
    image_free(img);
    fake_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partition),        cmocka_unit_test(allocation_area),
        cmocka_unit_test(lowered_limit),    cmocka_unit_test(background_area),
        cmocka_unit_test(broken_object),    cmocka_unit_test(gap),
        cmocka_unit_test(array_buffers),    cmocka_unit_test(collection_under_way),
        cmocka_unit_test(stale_page),       cmocka_unit_test(faults),
        cmocka_unit_test(liveness_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
