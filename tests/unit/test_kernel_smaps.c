#include "base/mem.h"
#include "kernel/procfs.h"
#include "kernel/smaps.h"
#include "unit.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linux 6.18, then 3.10: fewer keys, no VmFlags on the second. */
static const char new_kernel[] =
    "00400000-0b4cd000 r-xp 00001000 fe:01 1837105                            /opt/my node\n"
    "Size:             180020 kB\n"
    "KernelPageSize:        4 kB\n"
    "MMUPageSize:           4 kB\n"
    "Rss:               38104 kB\n"
    "Pss:               19052 kB\n"
    "Pss_Dirty:             4 kB\n"
    "Shared_Clean:      38096 kB\n"
    "Shared_Dirty:          0 kB\n"
    "Private_Clean:         4 kB\n"
    "Private_Dirty:         4 kB\n"
    "Referenced:        38104 kB\n"
    "Anonymous:             4 kB\n"
    "KSM:                   0 kB\n"
    "LazyFree:              0 kB\n"
    "AnonHugePages:         0 kB\n"
    "ShmemPmdMapped:        0 kB\n"
    "FilePmdMapped:      2048 kB\n"
    "Shared_Hugetlb:        0 kB\n"
    "Private_Hugetlb:       0 kB\n"
    "Swap:                 12 kB\n"
    "SwapPss:               6 kB\n"
    "Locked:                0 kB\n"
    "THPeligible:           1\n"
    "ProtectionKey:         0\n"
    "FutureKey:             7 kB\n"
    "VmFlags: rd ex mr mw me dc zz \n"
    "7f0000000000-7f0000040000 rw-p 00000000 00:00 0 \n"
    "Size:                256 kB\n"
    "Rss:                 128 kB\n"
    "Private_Dirty:       128 kB\n";
static const char old_kernel[] = "7f0000000000-7f0000040000 rw-p 00000000 00:00 0 \n"
                                 "Size:                256 kB\n"
                                 "Rss:                 128 kB\n"
                                 "Pss:                 128 kB\n"
                                 "Shared_Clean:          0 kB\n"
                                 "Shared_Dirty:          0 kB\n"
                                 "Private_Clean:         0 kB\n"
                                 "Private_Dirty:       128 kB\n"
                                 "Swap:                  0 kB\n";

static uint64_t get(const struct usage *u, enum usage_field f) {
    uint64_t v = UINT64_MAX;
    assert_true(usage_get(u, f, &v));
    return v;
}

static void parses_new_kernel(void **state) {
    (void)state;
    struct smaps s;
    uint64_t uss, v = 77;
    assert_int_equal(smaps_parse(new_kernel, strlen(new_kernel), &s), 0);
    assert_int_equal(s.regions.n, 2);
    assert_int_equal(s.malformed, 0);
    assert_string_equal(s.regions.at[0].name, "/opt/my node");
    const struct usage *u = &s.usages[0];
    assert_int_equal(get(u, USAGE_SIZE), 180020ull << 10);
    assert_int_equal(get(u, USAGE_RSS), 38104ull << 10);
    assert_int_equal(get(u, USAGE_PSS), 19052ull << 10);
    assert_int_equal(get(u, USAGE_FILE_HUGE), 2048ull << 10);
    assert_int_equal(get(u, USAGE_SWAP_PSS), 6ull << 10);
    assert_int_equal(u->vm_flags, VM_FLAG_RD | VM_FLAG_EX | VM_FLAG_MR | VM_FLAG_MW | VM_FLAG_ME |
                                      VM_FLAG_DC | VM_FLAG_OTHER);
    assert_true(usage_uss(u, &uss));
    assert_int_equal(uss, 8 << 10);
    /* What the second region was not given is unknown, not 0. */
    assert_false(usage_get(&s.usages[1], USAGE_PSS, &v));
    assert_int_equal(v, 77);
    assert_false(usage_uss(&s.usages[1], &v));
    assert_int_equal(s.usages[1].vm_flags, 0);
    smaps_done(&s);
}

static void parses_old_kernel(void **state) {
    (void)state;
    struct smaps s;
    uint64_t v;
    assert_int_equal(smaps_parse(old_kernel, strlen(old_kernel), &s), 0);
    assert_int_equal(get(&s.usages[0], USAGE_SWAP), 0);
    assert_false(usage_get(&s.usages[0], USAGE_LAZYFREE, &v));
    assert_false(usage_get(&s.usages[0], USAGE_PSS_DIRTY, &v));
    assert_true(usage_uss(&s.usages[0], &v));
    assert_int_equal(v, 128 << 10);
    smaps_done(&s);
}

static void sums(void **state) {
    (void)state;
    struct smaps s;
    uint64_t v;
    assert_int_equal(smaps_parse(new_kernel, strlen(new_kernel), &s), 0);
    struct usage sum = usage_sum(s.usages, s.regions.n);
    assert_int_equal(get(&sum, USAGE_RSS), (38104ull + 128) << 10);
    assert_false(usage_get(&sum, USAGE_PSS, &v)); /* only one of them knows */
    sum = usage_sum(NULL, 0);
    assert_false(usage_get(&sum, USAGE_RSS, &v));
    smaps_done(&s);
}

static void counts_malformed(void **state) {
    (void)state;
    static const char text[] = "Rss: 4 kB\n" /* before any header: belongs to nobody */
                               "1000-2000 rw-p 00000000 00:00 0 \n"
                               "Rss: 4 MB\n"
                               "Pss: kB\n"
                               "Swap: 99999999999999999999 kB\n"
                               "Locked 4 kB\n"
                               "Shared_Clean: 4 kB x\n"
                               "Private_Clean:\t8 kB\n"
                               "zzz-2000 rw-p\n"
                               "Private_Dirty: 8 kB\n" /* of the header that was none */
                               "\n"
                               "3000-4000 rw-p 00000000 00:00 0 ";
    struct smaps s;
    assert_int_equal(smaps_parse(text, strlen(text), &s), 0);
    assert_int_equal(s.regions.n, 2); /* the last line needs no newline */
    assert_int_equal(s.malformed, 6);
    assert_int_equal(s.usages[0].known, 1u << USAGE_PRIVATE_CLEAN);
    assert_int_equal(s.usages[1].known, 0);
    smaps_done(&s);
}

static void long_lines_and_nothing(void **state) {
    (void)state;
    struct smaps s;
    size_t n = 1 << 20;
    char *text = mem_alloc(n + sizeof old_kernel);
    memset(text, 'a', n);
    text[n - 1] = '\n';
    memcpy(text + n, old_kernel, sizeof old_kernel);
    assert_int_equal(smaps_parse(text, n + strlen(old_kernel), &s), 0);
    assert_int_equal(s.regions.n, 1);
    assert_int_equal(s.malformed, 1);
    smaps_done(&s);
    free(text);
    assert_int_equal(smaps_parse("", 0, &s), 0);
    assert_int_equal(s.regions.n, 0);
    smaps_done(&s);
    static const char nul[] = "1000-2000 rw-p 00000000 00:00 0 /a\0b\n";
    assert_int_equal(smaps_parse(nul, sizeof nul - 1, &s), 0);
    assert_int_equal(s.malformed, 1);
    smaps_done(&s);
}

/* A file read in pieces that cut every line somewhere gives what the whole text gives. */
static void reads_through_a_pipe(void **state) {
    (void)state;
    char dir[] = "/tmp/memwhy-smaps-XXXXXX";
    assert_non_null(mkdtemp(dir));
    cleanup_free char *command =
        mem_printf("mkdir -p %s/proc/7 && mkfifo %s/proc/7/smaps", dir, dir);
    assert_int_equal(system(command), 0);
    cleanup_free char *path = mem_printf("%s/proc/7/smaps", dir);
    if (fork() == 0) {
        FILE *f = fopen(path, "w");
        for (size_t i = 0; i < strlen(new_kernel); i += 7) {
            size_t left = strlen(new_kernel) - i;
            fwrite(new_kernel + i, 1, left < 7 ? left : 7, f);
            fflush(f);
        }
        fclose(f);
        _exit(0);
    }
    struct smaps s;
    assert_int_equal(smaps_read(dir, 7, &s), 0);
    assert_int_equal(s.regions.n, 2);
    assert_int_equal(s.malformed, 0);
    assert_int_equal(get(&s.usages[0], USAGE_RSS), 38104ull << 10);
    assert_int_equal(get(&s.usages[1], USAGE_PRIVATE_DIRTY), 128 << 10);
    smaps_done(&s);
    cleanup_free char *clean = mem_printf("rm -r %s", dir);
    assert_int_equal(system(clean), 0);
}

static void rollup(void **state) {
    (void)state;
    static const char text[] =
        "55fc7d7d3000-7ffe093cc000 ---p 00000000 00:00 0                          [rollup]\n"
        "Rss:                1696 kB\n"
        "Pss:                 396 kB\n"
        "Pss_Anon:            112 kB\n"
        "Pss_File:            284 kB\n"
        "Shared_Clean:       1536 kB\n";
    struct usage u;
    uint64_t v;
    assert_int_equal(smaps_rollup_parse(text, strlen(text), &u), 0);
    assert_int_equal(get(&u, USAGE_PSS_FILE), 284 << 10);
    assert_false(usage_get(&u, USAGE_PSS_SHMEM, &v));
    assert_int_equal(smaps_rollup_parse("nonsense\n", 9, &u), -EBADMSG);
    assert_int_equal(smaps_rollup_parse("", 0, &u), -EBADMSG);
}

/* The regions of a process that does nothing add up to what the kernel says of the whole. */
static void sums_are_the_rollup(void **state) {
    (void)state;
    struct smaps s;
    struct usage all;
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    for (int i = 0; i < 50; i++) { /* until it has come to its pause */
        usleep(10000);
        assert_int_equal(smaps_rollup_read("", child, &all), 0);
        assert_int_equal(smaps_read("", child, &s), 0);
        struct usage again;
        assert_int_equal(smaps_rollup_read("", child, &again), 0);
        if (!memcmp(&all, &again, sizeof all))
            break;
        smaps_done(&s);
    }
    assert_true(s.regions.n > 10);
    assert_int_equal(s.malformed, 0);
    struct usage sum = usage_sum(s.usages, s.regions.n);
    for (enum usage_field f = USAGE_RSS; f < USAGE_FIELDS; f++) {
        uint64_t of_regions, of_all;
        if (!usage_get(&sum, f, &of_regions) || !usage_get(&all, f, &of_all))
            continue;
        /* shares are rounded down to KiB once per region, or once */
        bool is_share = f == USAGE_PSS || f == USAGE_PSS_DIRTY || f == USAGE_SWAP_PSS;
        assert_true(of_regions <= of_all);
        assert_true(of_all - of_regions <= (is_share ? s.regions.n << 10 : 0));
    }
    smaps_done(&s);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(smaps_read("", 999999999, &s), -ESRCH);
    assert_int_equal(smaps_rollup_read("", 999999999, &all), -ESRCH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_new_kernel),
        cmocka_unit_test(parses_old_kernel),
        cmocka_unit_test(sums),
        cmocka_unit_test(counts_malformed),
        cmocka_unit_test(long_lines_and_nothing),
        cmocka_unit_test(reads_through_a_pipe),
        cmocka_unit_test(rollup),
        cmocka_unit_test(sums_are_the_rollup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
