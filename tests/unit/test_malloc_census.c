/* The census against heaps built by hand in the form of ten glibc releases, whole and damaged. */
#include "unit.h"

#include "base/limits.h"
#include "fake_glibc.h"
#include "image/backend.h"
#include "malloc/malloc.h"
#include "malloc/reader.h"
#include <errno.h>

/* Every byte of every span has one state, resident parts add up, and no state is more than there
 * is. */
static void assert_partition(const struct malloc_census *c, const struct image *img) {
    for (size_t a = 0; a < c->arenas.n; a++) {
        uint64_t bytes = 0, resident = 0, spans = 0, spans_resident = 0;
        for (int s = 0; s < MALLOC_STATES; s++) {
            bytes += c->arenas.at[a].share[s].bytes;
            resident += c->arenas.at[a].share[s].resident;
        }
        for (size_t i = 0; i < c->spans.n; i++)
            if (c->spans.at[i].arena == (int32_t)a) {
                spans += c->spans.at[i].end - c->spans.at[i].start;
                spans_resident +=
                    residency_bytes(image_residency(img), c->spans.at[i].start, c->spans.at[i].end);
            }
        assert_int_equal(bytes, spans);
        assert_int_equal(resident, spans_resident);
    }
    for (size_t i = 1; i < c->spans.n; i++)
        assert_true(c->spans.at[i - 1].end <= c->spans.at[i].start);
}

static void assert_as_built(const struct malloc_census *c, const struct fake_glibc *f) {
    assert_int_equal(c->kind, MALLOC_GLIBC);
    assert_int_equal(c->glibc.bins_at, f->form->bins_at);
    assert_int_equal(c->glibc.heap_info, f->form->heap_info);
    assert_int_equal(c->arenas.n, 2);
    for (int a = 0; a < 2; a++)
        for (int s = 0; s < MALLOC_STATES; s++) {
            assert_int_equal(c->arenas.at[a].share[s].bytes, f->want[a][s].bytes);
            if (s <= MALLOC_BINNED)
                assert_int_equal(c->arenas.at[a].share[s].count, f->want[a][s].count);
        }
    assert_int_equal(c->arenas.at[1].heaps, 2);
    assert_int_equal(c->arenas.at[0].tids.n, f->form->tcache < 0 ? c->arenas.at[0].tids.n : 1);
    assert_int_equal(c->mmapped.count, 2);
    assert_int_equal(c->mmapped.bytes, 0x30000);
    assert_int_equal(c->glibc.n_mmaps, 2);
    assert_int_equal(c->glibc.mmap_threshold, 0x40000);
    assert_int_equal(c->glibc.trim_threshold, 0x80000);
    assert_true(malloc_census_complete(c));
}

static void every_release(void **state) {
    (void)state;
    for (int i = 0; i < FAKE_FORMS; i++) {
        struct fake_glibc f;
        struct malloc_census c;
        struct err e = {0};
        fake_glibc_build(&f, &fake_forms[i]);
        struct image *img = fake_glibc_image(&f);
        print_message("%s\n", fake_forms[i].release);
        assert_int_equal(malloc_census_take(img, NULL, &c, &e), 0);
        assert_as_built(&c, &f);
        assert_partition(&c, img);
        malloc_census_done(&c);
        image_free(img);
        fake_glibc_done(&f);
    }
}

/* One read in all fails, then the next one: never a crash, never a byte counted twice. */
static void fault_loop(void **state) {
    (void)state;
    struct fake_glibc f;
    fake_glibc_build(&f, &fake_forms[7]);
    struct image *img = fake_glibc_image(&f);
    unsigned long n = 0, failed = 0;
    do {
        struct malloc_census c;
        struct err e = {0};
        image_fake_fault_at(img, ++n);
        int r = malloc_census_take(img, NULL, &c, &e);
        assert_true(r == 0 || (r == -ENODATA && e.what[0]));
        failed += r < 0;
        assert_partition(&c, img);
        malloc_census_done(&c);
    } while (image_fake_reads(img) >= n);
    assert_true(n > 10);
    assert_true(failed < n);
    image_free(img);
    fake_glibc_done(&f);
}

static void addresses_are_answered(void **state) {
    (void)state;
    struct fake_glibc f;
    struct malloc_census c;
    struct err e = {0};
    fake_glibc_build(&f, &fake_forms[7]);
    struct image *img = fake_glibc_image(&f);
    uint64_t heap = f.part[PART_HEAP].addr, map = f.part[PART_MAP].addr;
    uint64_t wanted[] = {heap + 16,    heap + 0x290 + 16, heap + 0x290 + 0x40 + 24,
                         heap + 0x300, map + 16,          map + 0x1010,
                         map + 0x3f000};
    struct malloc_hints hints = {.wanted = wanted, .n_wanted = sizeof wanted / sizeof *wanted};
    assert_int_equal(malloc_census_take(img, &hints, &c, &e), 0);
    assert_int_equal(c.wanted.at[0].addr, heap);
    assert_int_equal(c.wanted.at[0].size, 0x290);
    assert_int_equal(c.wanted.at[1].size, 0x40);
    assert_int_equal(c.wanted.at[2].state, MALLOC_TCACHED);
    assert_int_equal(c.wanted.at[4].size, 0); /* in no chunk */
    assert_int_equal(c.wanted.at[5].size, 0x10000);
    assert_int_equal(c.wanted.at[5].arena, MALLOC_SPAN_MMAPPED);
    assert_int_equal(c.wanted.at[6].size, 0);
    for (uint64_t at = heap; at < heap + FAKE_HEAP_BYTES; at += 0x38) {
        struct malloc_chunk one, *all = &c.wanted.at[0];
        struct malloc_census again;
        struct malloc_hints h = {.wanted = &at, .n_wanted = 1};
        assert_int_equal(malloc_chunk_at(img, &c, at, &one), 0);
        if ((at - heap) % (0x38 * 64) == 0) { /* the same by both ways */
            assert_int_equal(malloc_census_take(img, &h, &again, &e), 0);
            all = &again.wanted.at[0];
            assert_int_equal(one.addr, all->addr);
            assert_int_equal(one.size, all->size);
            assert_int_equal(one.state, all->state);
            malloc_census_done(&again);
        }
        assert_true(one.addr <= at && at < one.addr + one.size);
    }
    struct malloc_chunk none;
    assert_int_equal(malloc_chunk_at(img, &c, 0x1000, &none), -ENODATA);
    malloc_census_done(&c);
    image_free(img);
    fake_glibc_done(&f);
}

/* What mtrim() and systrim() would release of the heap built here, computed from its chunks. */
static void trimmable_is_whole_pages(void **state) {
    (void)state;
    struct fake_glibc f;
    struct malloc_census c;
    struct err e = {0};
    fake_glibc_build(&f, &fake_forms[7]);
    struct image *img = fake_glibc_image(&f);
    assert_int_equal(malloc_census_take(img, NULL, &c, &e), 0);
    uint64_t top = c.arenas.at[0].share[MALLOC_TOP].bytes;
    uint64_t from_top = (top - CHUNK_MIN - 1) & ~4095ull;
    assert_true(c.arenas.at[0].trimmable >= from_top + 4 * 4096);
    assert_true(c.arenas.at[0].trimmable <= from_top + 4 * 8192);
    /* the thread arena's top stays: only the large binned chunk gives */
    uint64_t big = c.arenas.at[1].biggest_free;
    assert_true(c.arenas.at[1].trimmable <= big && c.arenas.at[1].trimmable + 2 * 4096 > big);
    malloc_census_done(&c);
    image_free(img);
    fake_glibc_done(&f);
}

static void size_classes(void **state) {
    (void)state;
    for (uint64_t size = 16; size < 1 << 20; size += 16) {
        size_t cls = malloc_size_class_of(size);
        assert_true(size <= malloc_size_class_limit(cls));
        assert_true(cls == 0 || size > malloc_size_class_limit(cls - 1));
    }
    assert_true(malloc_size_class_of(UINT64_MAX) < MALLOC_SIZE_CLASSES);
}

static void damaged_chunk_is_passed(void **state) {
    (void)state;
    struct fake_glibc f;
    struct malloc_census c;
    struct err e = {0};
    fake_glibc_build(&f, &fake_forms[7]);
    fake_put(&f, f.part[PART_HEAP].addr + 0x290 + 8, 0xdeadbeefdeadbeef);
    struct image *img = fake_glibc_image(&f);
    assert_int_equal(malloc_census_take(img, NULL, &c, &e), 0);
    assert_int_equal(c.coverage.walk_errors, 1);
    assert_false(malloc_census_complete(&c));
    assert_int_equal(c.arenas.at[0].share[MALLOC_UNWALKED].bytes, 0x40);
    assert_int_equal(c.arenas.at[0].share[MALLOC_BINNED].bytes, f.want[0][MALLOC_BINNED].bytes);
    assert_partition(&c, img);
    malloc_census_done(&c);
    image_free(img);
    fake_glibc_done(&f);
}

/* Lists that run in circles end, and are said to be broken. */
static void circles_end(void **state) {
    (void)state;
    struct fake_glibc f;
    struct malloc_census c;
    struct err e = {0};
    fake_glibc_build(&f, &fake_forms[5]);
    uint64_t slot = f.bins[0] - 0x60 + 8, first = fake_get(&f, slot);
    fake_put(&f, first + 16, first);
    fake_put(&f, f.part[PART_ARENA].addr + 8, f.part[PART_ARENA2].addr);
    struct image *img = fake_glibc_image(&f);
    assert_int_equal(malloc_census_take(img, NULL, &c, &e), 0);
    assert_true(c.coverage.list_errors > 0);
    assert_partition(&c, img);
    malloc_census_done(&c);
    image_free(img);
    fake_glibc_done(&f);
}

/* Chunk headers on a page that is not in memory are left alone; the walk goes on behind it. */
static void absent_pages_are_passed(void **state) {
    (void)state;
    struct fake_glibc f;
    struct malloc_census c;
    struct err e = {0};
    fake_glibc_build(&f, &fake_forms[7]);
    struct image *img = fake_glibc_image(&f);
    struct residency whole = img->residency;
    uint64_t hole = f.part[PART_HEAP].addr + PAGE_BYTES;
    img->residency = (struct residency){0};
    for (size_t i = 0; i < whole.n; i++) {
        struct resident_run r = whole.at[i];
        if (r.start < hole && hole < r.end) {
            residency_add(&img->residency, r.start, hole, r.flags);
            r.start = hole + PAGE_BYTES;
        }
        residency_add(&img->residency, r.start, r.end, r.flags);
    }
    assert_int_equal(malloc_census_take(img, NULL, &c, &e), 0);
    assert_int_equal(c.coverage.walk_errors, 0);
    assert_in_range(c.arenas.at[0].share[MALLOC_UNWALKED].bytes, 0, 2 * PAGE_BYTES);
    assert_int_equal(c.arenas.at[0].share[MALLOC_TOP].bytes, f.want[0][MALLOC_TOP].bytes);
    assert_partition(&c, img);
    malloc_census_done(&c);
    residency_done(&whole);
    image_free(img);
    fake_glibc_done(&f);
}

/* ---- reading ahead ---- */

enum { LONG_BYTES = 3 << 20, LONG_HOLE = 2 << 20, LONG_STEP = 64 };
#define LONG_AT 0x7e0000000000ull

/* All words at every 64th byte, but for a jump over `skipped` bytes; how many were read. */
static size_t read_long(const struct image *img, uint64_t ahead_to, uint64_t skipped) {
    struct mem_window w;
    size_t n = 0;
    mem_window_init(&w, img);
    w.ahead_to = ahead_to;
    for (uint64_t at = 0; at + 16 <= LONG_BYTES; at += LONG_STEP) {
        uint64_t h[2];
        if (at == (3 << 19))
            at += skipped;
        if (mem_window_pair(&w, LONG_AT + at, h) < 0)
            continue;
        assert_int_equal(h[0], at);
        n++;
    }
    mem_window_done(&w);
    return n;
}

/* The same is read with it and without, to the end, over a jump, and beside what cannot be read. */
static void reading_ahead(void **state) {
    (void)state;
    static const uint64_t skipped[] = {0, 1 << 10, 100 << 10, 1 << 20};
    uint64_t *words = mem_zalloc(LONG_BYTES);
    for (size_t i = 0; i < LONG_BYTES / 8; i++)
        words[i] = i * 8;
    struct image *img = image_fake_new();
    image_fake_add(img, LONG_AT, words, LONG_BYTES, REGION_ANON, REGION_R | REGION_W, "");
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        size_t n = read_long(img, 0, skipped[i]);
        assert_int_equal(n, (LONG_BYTES - skipped[i]) / LONG_STEP);
        assert_int_equal(read_long(img, LONG_AT + LONG_BYTES, skipped[i]), n);
        assert_int_equal(read_long(img, LONG_AT + LONG_HOLE - 100, skipped[i]), n);
        assert_int_equal(read_long(img, UINT64_MAX, skipped[i]), n);
    }
    unsigned long n = 0;
    do { /* what fails once is read again, a page less at most */
        image_fake_fault_at(img, ++n);
        assert_int_equal(read_long(img, LONG_AT + LONG_BYTES, 0), LONG_BYTES / LONG_STEP);
    } while (image_fake_reads(img) >= n);
    assert_true(n > 20);
    image_free(img);
    free(words);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_release),
        cmocka_unit_test(fault_loop),
        cmocka_unit_test(addresses_are_answered),
        cmocka_unit_test(trimmable_is_whole_pages),
        cmocka_unit_test(size_classes),
        cmocka_unit_test(damaged_chunk_is_passed),
        cmocka_unit_test(circles_end),
        cmocka_unit_test(absent_pages_are_passed),
        cmocka_unit_test(reading_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
