#include "base/limits.h"
#include "image/pagemap.h"
#include "unit.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 300 };

/* Both ways of asking the kernel must tell the same of pages we touched ourselves. */
static void both_ways_agree(void **state) {
    (void)state;
    uint8_t *mem =
        mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mem != MAP_FAILED);
    madvise(mem, PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
    size_t touched = 0;
    for (size_t i = 0; i < PAGES; i += 1 + i % 3, touched++)
        mem[i * PAGE_BYTES] = 1;
    uint64_t start = (uint64_t)(uintptr_t)mem, end = start + PAGES * PAGE_BYTES;
    struct region_list l = {0};
    struct region r = {.start = start, .end = end, .prot = REGION_R | REGION_W, .name = ""};
    assert_int_equal(region_list_add(&l, &r), 0);
    struct residency by_scan = {0}, by_table = {0};
    assert_int_equal(pagemap_residency(getpid(), &l, &by_scan), 0);
    assert_int_equal(pagemap_residency_by_table(getpid(), &l, &by_table), 0);
    assert_int_equal(residency_bytes(&by_scan, start, end), touched * PAGE_BYTES);
    assert_int_equal(residency_bytes(&by_table, start, end), touched * PAGE_BYTES);
    for (uint64_t at = start; at < end; at += PAGE_BYTES)
        assert_int_equal(residency_bytes(&by_scan, at, at + PAGE_BYTES),
                         residency_bytes(&by_table, at, at + PAGE_BYTES));
    residency_done(&by_scan);
    residency_done(&by_table);
    region_list_done(&l);
    munmap(mem, PAGES * PAGE_BYTES);
}

static bool is_at(const void *arg, const struct region *r) {
    return r->start == *(const uint64_t *)arg;
}

/* Of three neighbours the middle one, or the other two. */
static void chosen_regions(void **state) {
    (void)state;
    uint8_t *mem =
        mmap(NULL, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mem != MAP_FAILED);
    struct region_list l = {0};
    uint64_t start = (uint64_t)(uintptr_t)mem, middle = start + PAGE_BYTES;
    for (int i = 0; i < 3; i++) {
        struct region r = {
            .start = start + i * PAGE_BYTES, .end = middle + i * PAGE_BYTES, .name = ""};
        mem[i * PAGE_BYTES] = 1;
        assert_int_equal(region_list_add(&l, &r), 0);
    }
    struct residency res = {0};
    assert_int_equal(pagemap_residency_of(getpid(), &l, is_at, &middle, &res), 0);
    assert_int_equal(res.n, 1);
    assert_int_equal(res.at[0].start, middle);
    assert_int_equal(res.total_bytes, PAGE_BYTES);
    residency_done(&res);
    region_list_done(&l);
    munmap(mem, 3 * PAGE_BYTES);
}

/* The shared zero page is mapped by a read, and is in nobody's RSS. */
static void zero_page_is_not_resident(void **state) {
    (void)state;
    volatile uint8_t *mem =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(mem[0], 0);
    uint64_t start = (uint64_t)(uintptr_t)mem;
    struct region_list l = {0};
    struct region r = {.start = start, .end = start + PAGE_BYTES, .prot = REGION_R, .name = ""};
    struct residency res = {0};
    assert_int_equal(region_list_add(&l, &r), 0);
    assert_int_equal(pagemap_residency(getpid(), &l, &res), 0);
    if (res.n > 0) /* the scan was used: it covers the whole address space */
        assert_int_equal(residency_bytes(&res, start, start + PAGE_BYTES), 0);
    residency_done(&res);
    region_list_done(&l);
    munmap((void *)(uintptr_t)mem, PAGE_BYTES);
}

static void gone(void **state) {
    (void)state;
    struct region_list l = {0};
    struct residency res = {0};
    assert_int_equal(pagemap_residency(0x3fffffff, &l, &res), -ESRCH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(chosen_regions),
        cmocka_unit_test(zero_page_is_not_resident),
        cmocka_unit_test(gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
