/* A capture of a made-up process, read back: what was lost stays lost, what was changed is changed.
 */
#include "base/limits.h"
#include "image/backend.h"
#include "image/capture.h"
#include "image/fake.h"
#include "unit.h"
#include <errno.h>
#include <unistd.h>

enum { RW = REGION_R | REGION_W };

static const struct image_freeze_how now = {.max_pause_ns = UINT64_MAX};

struct file {
    char folder[32], path[48];
};

static struct file new_file(void) {
    struct file f = {.folder = "/tmp/memwhy-unit-XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/core", f.folder);
    return f;
}

static void remove_file(const struct file *f) {
    unlink(f->path);
    assert_int_equal(rmdir(f->folder), 0); /* nothing else was left */
}

static struct image *three_pages(void) {
    uint8_t page[PAGE_BYTES];
    const uint64_t regs[IMAGE_REGS] = {[IMAGE_RIP] = 0x123456, [IMAGE_RSP] = 0x10010};
    struct image *img = image_fake_new();
    memset(page, 'a', sizeof page);
    image_fake_add(img, 0x10000, page, sizeof page, REGION_ANON, RW, "");
    image_fake_add(img, 0x11000, page, 100, REGION_ANON, RW, "");
    img->regions.at[1].end = 0x12000; /* of which the rest cannot be read */
    memset(page, 'c', sizeof page);
    image_fake_add(img, 0x12000, page, sizeof page, REGION_ANON, RW, "");
    image_fake_add_thread(img, 7, "main", regs);
    return img;
}

static struct image *reopen(const struct file *f) {
    struct image *core;
    struct err e = {0};
    if (image_open_core(f->path, &core, &e) < 0)
        fail_msg("%s", e.what);
    return core;
}

static void lost_pages_are_no_zeros(bool packed) {
    struct file f = new_file();
    struct image *img = three_pages();
    struct capture_options o = {.path = f.path, .how = now, .packed = packed};
    struct capture_result result;
    struct err e = {0};
    uint8_t buf[PAGE_BYTES];
    assert_int_equal(capture_write(img, &o, &result, &e), 0);
    assert_int_equal(result.lost_bytes, PAGE_BYTES);
    struct image *core = reopen(&f);
    assert_int_equal(image_read(core, 0x10000, buf, PAGE_BYTES), 0);
    assert_int_equal(buf[4095], 'a');
    assert_int_equal(image_read(core, 0x11000, buf, 1), -EFAULT);
    assert_int_equal(image_read(core, 0x11fff, buf, 1), -EFAULT);
    assert_int_equal(image_read_prefix(core, 0x10ff0, buf, 64), 16);
    assert_int_equal(image_read(core, 0x12000, buf, PAGE_BYTES), 0);
    assert_int_equal(buf[0], 'c');
    assert_int_equal(image_residency(core)->total_bytes, 3 * PAGE_BYTES); /* it was in memory */
    image_free(core);
    image_free(img);
    remove_file(&f);
}

static void lost_pages_plain(void **state) {
    (void)state;
    lost_pages_are_no_zeros(false);
}

static void lost_pages_packed(void **state) {
    (void)state;
    lost_pages_are_no_zeros(true);
}

struct guest {
    int bad_moments, looks;
    bool last;
};

static int look(void *arg, struct image *img, bool last, struct err *e) {
    struct guest *g = arg;
    (void)img;
    (void)e;
    g->last = last;
    return g->looks++ < g->bad_moments ? -EAGAIN : 0;
}

static void filter(void *arg, uint64_t addr, uint8_t *bytes, size_t len) {
    (void)arg;
    assert_true(addr % PAGE_BYTES == 0 && len % PAGE_BYTES == 0 && bytes[0] >= 'a');
    memset(bytes, 'x', len);
}

static void words(void *arg, uint64_t *words, size_t n) {
    (void)arg;
    for (size_t i = 0; i < n; i++)
        words[i] += words[i] != 0;
}

static void guests_are_heard(void **state) {
    (void)state;
    struct file f = new_file();
    struct image *img = three_pages();
    struct guest g = {.bad_moments = 2};
    struct capture_options o = {.path = f.path, .how = now, .hooks = {&g, look, filter, words}};
    struct capture_result result;
    uint8_t buf[PAGE_BYTES];
    size_t n;
    assert_int_equal(capture_write(img, &o, &result, NULL), 0);
    assert_int_equal(result.stops, 3);
    assert_false(g.last);
    struct image *core = reopen(&f);
    assert_int_equal(image_read(core, 0x10000, buf, PAGE_BYTES), 0);
    assert_int_equal(buf[0], 'x');
    const struct image_thread *t = image_threads(core, &n);
    assert_int_equal(n, 1);
    assert_int_equal(t[0].regs[IMAGE_RIP], 0x123457);
    image_free(core);
    image_free(img);
    remove_file(&f);
}

static void bad_moments_end_it(void **state) {
    (void)state;
    struct file f = new_file();
    struct image *img = three_pages();
    struct guest g = {.bad_moments = 1000};
    struct capture_options o = {.path = f.path, .how = now, .hooks = {.arg = &g, .look = look}};
    struct capture_result result;
    assert_int_equal(capture_write(img, &o, &result, NULL), -EAGAIN);
    assert_true(g.last);
    image_free(img);
    remove_file(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_pages_plain),
        cmocka_unit_test(lost_pages_packed),
        cmocka_unit_test(guests_are_heard),
        cmocka_unit_test(bad_moments_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
