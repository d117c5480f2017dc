/* The parts of a snapshot that know no heap: edges that wait in a file, numbers of objects. */
#include "base/map64.h"
#include "collect/snapshot_ids.h"
#include "collect/snapshot_spool.h"
#include "unit.h"
#include <errno.h>
#include <unistd.h>

enum { EDGES = 600000 };

static uint32_t name_of(uint32_t i) {
    return i % 1000 ? i * 7 : UINT32_MAX;
}

static struct snapshot_spool *filled(const atomic_bool *cancelled) {
    struct snapshot_spool *s = malloc(sizeof *s);
    assert_int_equal(snapshot_spool_open("/tmp/x", cancelled, s), 0);
    for (uint32_t i = 0; i < EDGES; i++)
        snapshot_spool_put(s, i % 7, name_of(i), UINT32_MAX - i);
    return s;
}

static void spool(void **state) {
    (void)state;
    atomic_bool cancelled = false;
    unsigned kind;
    uint32_t name, to, i = 0;
    struct snapshot_spool *s = filled(&cancelled);
    snapshot_spool_rewind(s);
    for (; snapshot_spool_get(s, &kind, &name, &to); i++) {
        assert_int_equal(kind, i % 7);
        assert_int_equal(name, name_of(i));
        assert_int_equal(to, UINT32_MAX - i);
    }
    assert_int_equal(i, EDGES);
    assert_int_equal(s->error, 0);
    snapshot_spool_done(s);
    free(s);
}

static void spool_errors(void **state) {
    (void)state;
    atomic_bool cancelled = false;
    unsigned kind;
    uint32_t name, to, i = 0;
    struct snapshot_spool *s = malloc(sizeof *s);
    assert_int_equal(snapshot_spool_open("/nowhere/x", &cancelled, s), -ENOENT);
    free(s);
    s = filled(&cancelled);
    snapshot_spool_rewind(s);
    assert_int_equal(ftruncate(s->fd, 3 << 19), 0); /* somebody cut it */
    while (snapshot_spool_get(s, &kind, &name, &to))
        i++;
    assert_in_range(i, 1, EDGES - 1);
    assert_int_equal(s->error, -EIO);
    snapshot_spool_done(s);
    free(s);
    cancelled = true;
    s = filled(&cancelled);
    assert_int_equal(s->error, -EINTR);
    snapshot_spool_done(s);
    free(s);
}

static struct v8_page page(uint64_t addr, uint64_t size) {
    return (struct v8_page){.addr = addr,
                            .size = size,
                            .area_start = addr + 0x100,
                            .area_end = addr + size,
                            .in_use = true,
                            .space = V8_OLD};
}

/* Odd, each once, the same when another page comes or goes, away from the numbers of the roots. */
static void ids(void **state) {
    (void)state;
    const uint64_t base = 0x7f1234000000, far = base + (1ull << 34); /* the same low bits */
    struct v8_pages pages = {0};
    struct snapshot_ids all, fewer;
    vec_push(&pages.list, page(base - base % (1ull << 34), V8_PAGE_ALIGN)); /* number 0 */
    vec_push(&pages.list, page(base, V8_PAGE_ALIGN));
    vec_push(&pages.list, page(base + V8_PAGE_ALIGN, V8_PAGE_ALIGN));
    vec_push(&pages.list, page(far, V8_PAGE_ALIGN));
    assert_int_equal(snapshot_ids_new(&pages, &all), 0);
    struct map64 seen = {0};
    uint64_t other;
    for (size_t i = 0; i < pages.list.n; i++)
        for (uint64_t at = 0; at < V8_PAGE_ALIGN; at += 8) {
            uint32_t id = snapshot_id(&all, pages.list.at[i].addr + at);
            assert_true(id & 1);
            assert_true(id > 1 << 16);
            assert_false(map64_get(&seen, id, &other));
            map64_put(&seen, id, at + 1);
        }
    pages.list.n--;
    assert_int_equal(snapshot_ids_new(&pages, &fewer), 0);
    assert_int_equal(snapshot_id(&fewer, base + 64), snapshot_id(&all, base + 64));
    uint32_t a = snapshot_id_outside(&all, 0x5000), b = snapshot_id_outside(&all, 0x5008);
    assert_true(a % 2 == 0 && b % 2 == 0 && a != b);
    map64_done(&seen);
    snapshot_ids_done(&all);
    snapshot_ids_done(&fewer);
    vec_free(&pages.list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spool),
        cmocka_unit_test(spool_errors),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
