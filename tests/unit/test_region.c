#include "model/region.h"
#include "unit.h"
#include <errno.h>

/* Parses one line into a fresh list and checks the region it makes. */
#define parsed(line, ...)                                                                          \
    do {                                                                                           \
        struct region_list l_ = {0};                                                               \
        assert_int_equal(region_list_parse(&l_, line), 0);                                         \
        const struct region *r = &l_.at[0];                                                        \
        __VA_ARGS__;                                                                               \
        region_list_done(&l_);                                                                     \
    } while (0)

static void file_line(void **state) {
    (void)state;
    parsed("00400000-0b4cd000 r-xp 00001000 fe:01 1837105                            "
           "/usr/local/bin/node\n",
           assert_int_equal(r->start, 0x400000);
           assert_int_equal(r->end, 0xb4cd000); assert_int_equal(r->offset, 0x1000);
           assert_int_equal(r->dev_major, 0xfe); assert_int_equal(r->dev_minor, 1);
           assert_int_equal(r->inode, 1837105); assert_int_equal(r->prot, REGION_R | REGION_X);
           assert_false(r->shared); assert_false(r->deleted);
           assert_int_equal(r->kind, REGION_FILE);
           assert_string_equal(r->name, "/usr/local/bin/node"));
}

static void names(void **state) {
    (void)state;
    parsed("1000-2000 r--p 00000000 08:01 12 /opt/my app/lib one.so",
           assert_string_equal(r->name, "/opt/my app/lib one.so"));
    parsed("1000-2000 r--p 00000000 08:01 12 /opt/a\\012b\n",
           assert_string_equal(r->name, "/opt/a\nb"));
    parsed("1000-2000 r--p 00000000 08:01 12 /opt/a\\013b\n",
           assert_string_equal(r->name, "/opt/a\\013b"));
    parsed("1000-2000 r-xp 00000000 08:01 12 /usr/bin/node (deleted)\n",
           assert_string_equal(r->name, "/usr/bin/node");
           assert_true(r->deleted); assert_int_equal(r->kind, REGION_FILE));
    parsed("1000-2000 r-xp 00000000 08:01 12 /tmp/x (deleted) y\n",
           assert_string_equal(r->name, "/tmp/x (deleted) y");
           assert_false(r->deleted));
}

static void kinds(void **state) {
    (void)state;
    parsed("1000-2000 rw-p 00000000 00:00 0 \n", assert_int_equal(r->kind, REGION_ANON);
           assert_string_equal(r->name, ""));
    parsed("1000-2000 rw-p 00000000 00:00 0", assert_int_equal(r->kind, REGION_ANON));
    parsed("1000-2000 rw-p 00000000 00:00 0    [anon:v8: old space]\n",
           assert_int_equal(r->kind, REGION_ANON);
           assert_string_equal(r->name, "[anon:v8: old space]"));
    parsed("1000-2000 rw-p 00000000 00:00 0    [heap]\n", assert_int_equal(r->kind, REGION_HEAP));
    parsed("1000-2000 rw-p 00000000 00:00 0    [stack]\n", assert_int_equal(r->kind, REGION_STACK));
    parsed("1000-2000 r--p 00000000 00:00 0    [vvar]\n", assert_int_equal(r->kind, REGION_KERNEL));
    parsed("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n",
           assert_int_equal(r->kind, REGION_KERNEL);
           assert_int_equal(r->start, 0xffffffffff600000));
    parsed("1000-2000 rw-s 00000000 00:01 1043 /dev/zero (deleted)\n",
           assert_int_equal(r->kind, REGION_SHMEM);
           assert_true(r->shared));
    parsed("1000-2000 rw-s 00000000 00:01 5 /memfd:store (deleted)\n",
           assert_int_equal(r->kind, REGION_SHMEM);
           assert_string_equal(r->name, "/memfd:store"));
    parsed("1000-2000 rw-s 00000000 00:01 0 /SYSV00000000 (deleted)\n",
           assert_int_equal(r->kind, REGION_SHMEM);
           assert_true(r->deleted));
    parsed("1000-2000 rw-s 00000000 00:19 7 /dev/shm/x\n", assert_int_equal(r->kind, REGION_SHMEM));
    parsed("1000-2000 rw-s 00000000 00:0e 9 anon_inode:[io_uring]\n",
           assert_int_equal(r->kind, REGION_DEVICE));
    parsed("1000-2000 rw-s 00000000 00:05 9 /dev/nvidia0\n",
           assert_int_equal(r->kind, REGION_DEVICE));
}

static void not_a_region(void **state) {
    (void)state;
    static const char *const lines[] = {
        "",
        "\n",
        "Size:                  4 kB\n",
        "VmFlags: rd ex mr mw me\n",
        "1000-2000\n",
        "1000-2000 rw-p\n",
        "1000-2000 rw-p 00000000 00:00\n",
        "1000-2000 rw-p 00000000 00:00 x\n",
        "1000-2000 rw-p 00000000 00:00 1x\n",
        "1000-2000 rwzp 00000000 00:00 0\n",
        "1000-2000 rw-q 00000000 00:00 0\n",
        "2000-1000 rw-p 00000000 00:00 0\n",
        "1000-1000 rw-p 00000000 00:00 0\n",
        "-1000-2000 rw-p 00000000 00:00 0\n",
        " 1000-2000 rw-p 00000000 00:00 0\n",
        "10000000000000000-20000000000000000 rw-p 00000000 00:00 0\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct region_list l = {0};
        assert_int_equal(region_list_parse(&l, lines[i]), -EBADMSG);
        assert_int_equal(l.n, 0);
        region_list_done(&l);
    }
}

static void lists(void **state) {
    (void)state;
    struct region_list l = {0};
    assert_int_equal(region_list_parse(&l, "1000-2000 r--p 0 08:01 12 /a\n"), 0);
    assert_int_equal(region_list_parse(&l, "2000-3000 r-xp 0 08:01 12 /a\n"), 0);
    assert_int_equal(region_list_parse(&l, "5000-6000 rw-p 0 00:00 0\n"), 0);
    assert_int_equal(region_list_parse(&l, "5800-7000 rw-p 0 00:00 0\n"), -EBADMSG); /* overlaps */
    char name[] = "[heap]";
    struct region heap = {.start = 0x8000, .end = 0x9000, .kind = REGION_HEAP, .name = name};
    assert_int_equal(region_list_add(&l, &heap), 0);
    name[0] = 'x';
    assert_string_equal(l.at[3].name, "[heap]");
    assert_ptr_equal(l.at[0].name, l.at[1].name); /* neighbours of one file share it */
    assert_int_equal(l.n, 4);

    assert_null(region_find(&l, 0xfff));
    assert_ptr_equal(region_find(&l, 0x1000), &l.at[0]);
    assert_ptr_equal(region_find(&l, 0x1fff), &l.at[0]);
    assert_ptr_equal(region_find(&l, 0x2000), &l.at[1]);
    assert_null(region_find(&l, 0x3000));
    assert_ptr_equal(region_find(&l, 0x8fff), &l.at[3]);
    assert_null(region_find(&l, 0x9000));
    assert_null(region_find(&l, UINT64_MAX));
    assert_int_equal(region_lower_bound(&l, 0), 0);
    assert_int_equal(region_lower_bound(&l, 0x3000), 2);
    assert_int_equal(region_lower_bound(&l, 0x9000), 4);
    region_list_done(&l);
    assert_null(region_find(&l, 0x1000));
}

static void kind_names(void **state) {
    (void)state;
    for (int k = REGION_ANON; k <= REGION_DEVICE; k++)
        assert_non_null(region_kind_name((enum region_kind)k));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_line),    cmocka_unit_test(names), cmocka_unit_test(kinds),
        cmocka_unit_test(not_a_region), cmocka_unit_test(lists), cmocka_unit_test(kind_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
