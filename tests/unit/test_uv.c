#include "base/limits.h"
#include "fake_uv.h"
#include "kernel/descriptors.h"
#include "unit.h"

static void take(const struct fake_uv *f, struct uv_census *ret) {
    struct image *img = fake_uv_image(f);
    uv_census_take(img, &f->symbols, ret);
    image_free(img);
}

static const struct uv_handle *handle(const struct uv_census *c, int index) {
    for (size_t i = 0; i < c->handles.n; i++)
        if (c->handles.at[i].addr == FAKE_DATA + fake_uv_at(index))
            return &c->handles.at[i];
    fail_msg("handle %d is not there", index);
    return NULL;
}

static void everything_is_found(void **state) {
    static struct fake_uv f;
    struct uv_census c;
    (void)state;
    fake_uv_build(&f);
    take(&f, &c);
    assert_int_equal(c.loops.n, 1);
    assert_int_equal(c.loops.at[0].tid, 100);
    assert_int_equal(c.loops.at[0].active_handles, 5);
    assert_null(c.loops.at[0].cut);
    assert_int_equal(c.handles.n, FAKE_COUNT + 1);
    const struct uv_handle *tcp = handle(&c, FAKE_TCP), *udp = handle(&c, FAKE_UDP);
    assert_int_equal(tcp->fd, 7);
    assert_true(tcp->has_queue && tcp->queue_bytes == 5000 && tcp->queue_reqs == 1);
    assert_true(tcp->object == FAKE_DATA + FAKE_WRAP && tcp->slot == FAKE_DATA + FAKE_TEXT);
    assert_true(udp->fd == 8 && udp->queue_bytes == 300 && udp->queue_reqs == 3);
    assert_int_equal(handle(&c, FAKE_TIMER)->due_ms, 500);
    assert_int_equal(handle(&c, FAKE_TIMER)->repeat_ms, 100);
    assert_string_equal(handle(&c, FAKE_WATCHER)->path, "/tmp/watched");
    assert_int_equal(handle(&c, FAKE_CHILD)->pid, 4711);
    assert_int_equal(handle(&c, FAKE_SIGNAL)->signal, 15);
    assert_true(handle(&c, FAKE_SIGNAL)->closing && !uv_handle_holds(handle(&c, FAKE_SIGNAL)));
    assert_true(c.pool_known);
    assert_int_equal(c.works.n, 2);
    assert_int_equal(c.works.at[0].state, UV_WORK_QUEUED);
    assert_int_equal(c.works.at[1].state, UV_WORK_RUNNING);
    assert_int_equal(c.works.at[1].tid, 101);
    assert_string_equal(c.works.at[1].kind, "read");
    assert_string_equal(c.works.at[1].path, "/tmp/watched");
    uv_census_done(&c);
}

/* A handle of another loop, a link that leads elsewhere, one that leads back: told, not followed.
 */
static void broken_rings_are_cut(void **state) {
    static struct fake_uv f;
    const struct {
        uint64_t at, word;
    } harm[] = {
        {fake_uv_at(FAKE_UDP) + HANDLE_LOOP, FAKE_DATA},
        {fake_uv_at(FAKE_UDP) + HANDLE_TYPE, UV_TYPES},
        {fake_uv_at(FAKE_UDP) + HANDLE_QUEUE, 0},
        {fake_uv_at(FAKE_UDP) + HANDLE_QUEUE, FAKE_DATA + fake_uv_at(FAKE_TCP) + HANDLE_QUEUE},
        {fake_uv_at(FAKE_UDP) + HANDLE_QUEUE, UINT64_MAX - 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        struct uv_census c;
        fake_uv_build(&f);
        fake_uv_put(&f, harm[i].at, harm[i].word);
        take(&f, &c);
        assert_int_equal(c.loops.n, 1);
        assert_non_null(c.loops.at[0].cut);
        assert_in_range(c.handles.n, 3, 4);
        uv_census_done(&c);
    }
}

static void a_broken_write_queue_is_unknown(void **state) {
    static struct fake_uv f;
    struct uv_census c;
    (void)state;
    fake_uv_build(&f);
    fake_uv_put(&f, FAKE_WRITE + WRITE_HANDLE, FAKE_DATA + fake_uv_at(FAKE_TIMER));
    take(&f, &c);
    assert_false(handle(&c, FAKE_TCP)->has_queue);
    uv_census_done(&c);
}

static void faults_are_survived(void **state) {
    static struct fake_uv f;
    unsigned long n = 1, reads;
    size_t whole = 0;
    (void)state;
    fake_uv_build(&f);
    do {
        struct uv_census c;
        struct image *img = fake_uv_image(&f);
        image_fake_fault_at(img, n);
        uv_census_take(img, &f.symbols, &c);
        reads = image_fake_reads(img);
        whole = c.handles.n;
        uv_census_done(&c);
        image_free(img);
    } while (n++ <= reads);
    assert_int_equal(whole, FAKE_COUNT + 1);
    assert_true(n > 20);
}

/* --- the kernel's side --- */

static const char tcp_table[] = "  sl  local_address rem_address   st tx_queue rx_queue tr "
                                "tm->when retrnsmt   uid  timeout inode\n"
                                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000005 "
                                "00:00000000 00000000  1000        0 11 1 0 100\n"
                                "   1: 0100007F:1F90 0100007F:C350 01 00001000:00000020 "
                                "01:00000014 00000000  1000        0 12 1 0 20\n"
                                "   2: 0100007F:1F91 0100007F:C351 01 00001000:00000020 "
                                "01:00000014 00000000  1000        0 99 1 0 20\n"
                                "   3: broken\n";
static const char tcp6_table[] =
    "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0\n";
static const char unix_table[] =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 14 /run/a b.sock\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 15\n";

static void tables_are_read(void **state) {
    struct descriptor_list l = {0}, again;
    (void)state;
    for (int i = 1; i <= 5; i++) {
        struct descriptor d = {.fd = i, .target = mem_printf("socket:[%d]", 10 + i)};
        vec_push(&l.list, d);
    }
    descriptors_add_table(&l, "tcp", tcp_table);
    descriptors_add_table(&l, "tcp6", tcp6_table);
    descriptors_add_table(&l, "unix", unix_table);
    cleanup_free char *text = descriptors_to_text(&l);
    assert_int_equal(descriptors_of_text(text, strlen(text), &again), 0);
    const struct descriptor_list *both[] = {&l, &again};
    for (int i = 0; i < 2; i++) {
        const struct descriptor *d = both[i]->list.at;
        assert_int_equal(both[i]->list.n, 5);
        assert_string_equal(d[0].state, "LISTEN");
        assert_string_equal(d[0].local, "127.0.0.1:8080");
        assert_null(d[0].peer);
        assert_false(d[0].has_queues);
        assert_string_equal(d[1].peer, "127.0.0.1:50000");
        assert_true(d[1].has_queues && d[1].send_queue == 4096 && d[1].receive_queue == 32);
        assert_string_equal(d[2].kind, "tcp6");
        assert_string_equal(d[2].local, "[::1]:80");
        assert_string_equal(d[3].local, "/run/a b.sock");
        assert_string_equal(d[3].state, "LISTEN");
        assert_string_equal(d[4].state, "ESTABLISHED");
        assert_null(d[4].local);
        assert_ptr_equal(descriptor_find(both[i], 3), &d[2]);
        assert_null(descriptor_find(both[i], 6));
    }
    descriptors_done(&l);
    descriptors_done(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_found),
        cmocka_unit_test(broken_rings_are_cut),
        cmocka_unit_test(a_broken_write_queue_is_unknown),
        cmocka_unit_test(faults_are_survived),
        cmocka_unit_test(tables_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
