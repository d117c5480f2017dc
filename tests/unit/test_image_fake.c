#include "base/limits.h"
#include "image/fake.h"
#include "unit.h"
#include <errno.h>

static const uint8_t page[PAGE_BYTES] = {1, 2, 3};

static void reads_are_whole_or_fault(void **state) {
    (void)state;
    struct image *img = image_fake_new();
    image_fake_add(img, 0x1000, page, sizeof page, REGION_ANON, REGION_R | REGION_W, "");
    image_fake_add(img, 0x2000, "hello", 6, REGION_ANON, REGION_R, "");
    uint8_t buf[16] = {0xee};
    assert_int_equal(image_read(img, 0x1000, buf, 3), 0);
    assert_memory_equal(buf, page, 3);
    /* over the seam of two segments */
    assert_int_equal(image_read(img, 0x1ffe, buf, 4), 0);
    assert_memory_equal(buf, "\0\0he", 4);
    buf[0] = 0xee;
    assert_int_equal(image_read(img, 0x2004, buf, 3), -EFAULT);
    assert_int_equal(buf[0], 0xee);
    assert_int_equal(image_read(img, 0xfff, buf, 1), -EFAULT);
    assert_int_equal(image_read(img, UINT64_MAX - 1, buf, 8), -EFAULT);
    assert_int_equal(image_read_prefix(img, 0x2004, buf, 8), 2);
    assert_int_equal(image_read_prefix(img, 0x3000, buf, 8), 0);
    char s[8];
    assert_int_equal(image_read_string(img, 0x2000, s, sizeof s), 0);
    assert_string_equal(s, "hello");
    assert_int_equal(image_read_string(img, 0x2000, s, 5), -EBADMSG);
    image_free(img);
}

static void faults_are_injected_once(void **state) {
    (void)state;
    struct image *img = image_fake_new();
    image_fake_add(img, 0x1000, page, sizeof page, REGION_ANON, REGION_R, "");
    uint64_t word;
    image_fake_fault_at(img, 2);
    assert_int_equal(image_read_u64(img, 0x1000, &word), 0);
    assert_int_equal(image_read_u64(img, 0x1000, &word), -EFAULT);
    assert_int_equal(image_read_u64(img, 0x1000, &word), 0);
    assert_int_equal(image_fake_reads(img), 3);
    image_fake_fault_at(img, 1);
    assert_int_equal(image_read_prefix(img, 0x1000, &word, 8), 0);
    image_fake_fault_at(img, 0);
    assert_int_equal(image_read_u64(img, 0x1000, &word), 0);
    image_free(img);
}

static void parts_are_read_together(void **state) {
    (void)state;
    struct image *img = image_fake_new();
    image_fake_add(img, 0x1000, page, sizeof page, REGION_ANON, REGION_R, "");
    uint8_t a, b;
    struct image_part parts[] = {{0x1000, &a, 1}, {0x1001, &b, 1}};
    assert_int_equal(image_read_parts(img, parts, 2), 0);
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
    parts[1].addr = 0x2000;
    assert_int_equal(image_read_parts(img, parts, 2), -EFAULT);
    image_free(img);
}

static void model_follows(void **state) {
    (void)state;
    struct image *img = image_fake_new();
    uint64_t regs[IMAGE_REGS] = {[IMAGE_RSP] = 0x5000};
    image_fake_add(img, 0x1000, page, 100, REGION_FILE, REGION_R | REGION_X, "/bin/x");
    image_fake_add(img, 0x1800, page, 100, REGION_ANON, REGION_R, NULL);
    image_fake_add(img, 0x8000, page, sizeof page, REGION_ANON, REGION_R, "");
    image_fake_add_thread(img, 7, "a name longer than sixteen", regs);
    const struct region_list *l = image_regions(img);
    assert_int_equal(l->n, 3);
    assert_string_equal(l->at[0].name, "/bin/x");
    const struct residency *r = image_residency(img);
    assert_int_equal(r->total_bytes, 2 * PAGE_BYTES);
    assert_int_equal(r->file_bytes, PAGE_BYTES);
    size_t n;
    const struct image_thread *t = image_threads(img, &n);
    assert_int_equal(n, 1);
    assert_int_equal(t->tid, 7);
    assert_true(t->has_regs);
    assert_int_equal(t->regs[IMAGE_RSP], 0x5000);
    assert_int_equal(image_kind(img), IMAGE_FAKE);
    assert_int_equal(image_stop(img, NULL), 0);
    struct elf_file *f;
    struct err e = {0};
    assert_int_equal(image_module_elf(img, 0, &f, &e), -ENODATA);
    assert_true(e.what[0]);
    image_free(img);
    image_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_whole_or_fault),
        cmocka_unit_test(faults_are_injected_once),
        cmocka_unit_test(parts_are_read_together),
        cmocka_unit_test(model_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
