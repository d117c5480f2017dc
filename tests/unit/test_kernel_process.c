#include "base/mem.h"
#include "kernel/process.h"
#include "unit.h"
#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char stat_text[] =
    "2043476 (node :) (x) S 2043462 2043476 2043400 0 -1 4194304 5 6 7 8 9 10 11 12 20 0 11 0 "
    "360000 1234567 4321 18446744073709551615 1 1 0\n";

static void parses_stat(void **state) {
    (void)state;
    struct process p = {0};
    assert_int_equal(process_parse_stat(stat_text, &p), 0);
    assert_string_equal(p.name, "node :) (x");
    assert_int_equal(p.state, 'S');
    assert_int_equal(p.ppid, 2043462);
    assert_int_equal(p.session, 2043400);
    assert_int_equal(p.n_threads, 11);
    assert_int_equal(p.started_ns, 360000ull * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK)));
    assert_false(p.kernel_thread);
    static const char kthread[] =
        "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0";
    assert_int_equal(process_parse_stat(kthread, &p), 0);
    assert_true(p.kernel_thread);
    static const char *const bad[] = {"", "1", "1 (x", "1 )x( S 1", "1 (x) S 1 2", "1 (x) S a b c"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(process_parse_stat(bad[i], &p), -EBADMSG);
}

static void parses_status(void **state) {
    (void)state;
    struct process p = {0};
    uint64_t v = 5;
    process_parse_status("Name:\tnode\nUid:\t1000\t1001\t1000\t1000\nNSpid:\t2043476\t77\t8\n"
                         "VmRSS:\t  679936 kB\nRssAnon:\t  600000 kB\nVmSwap:\tzzz kB\n"
                         "SigCgt:\t0000000180004a02\nNoColon\nVmHWM:\t 700000 kB",
                         &p);
    assert_int_equal(p.uid, 1001);
    assert_int_equal(p.ns_pid, 8);
    assert_int_equal(p.n_ns, 3);
    assert_int_equal(p.signals_caught, 0x180004a02);
    assert_true(process_size_get(&p, PROCESS_RSS, &v));
    assert_int_equal(v, 679936ull << 10);
    assert_true(process_size_get(&p, PROCESS_RSS_PEAK, &v));
    assert_false(process_size_get(&p, PROCESS_SWAP, &v));
    assert_false(process_size_get(&p, PROCESS_RSS_SHMEM, &v)); /* before Linux 4.5 */
}

static void parses_statm(void **state) {
    (void)state;
    struct process_statm m;
    assert_int_equal(process_parse_statm("100 50 20 5 0 30 0\n", &m), 0);
    assert_int_equal(m.size_bytes, 100 * 4096);
    assert_int_equal(m.data_bytes, 30 * 4096);
    assert_int_equal(process_parse_statm("100 50 20 5 0\n", &m), -EBADMSG);
    assert_int_equal(process_parse_statm("", &m), -EBADMSG);
}

static void commands(void **state) {
    (void)state;
    struct process p = {.name = "node", .state = 'S', .parts = PROCESS_CMDLINE};
    char words[] = "node\0dist/main\0\0\0";
    p.cmdline = words;
    p.cmdline_len = sizeof words - 1;
    cleanup_free char *a = process_command(&p);
    assert_string_equal(a, "node dist/main");
    p.cmdline_len = 0;
    cleanup_free char *b = process_command(&p);
    assert_string_equal(b, "[node]");
    p.state = 'Z';
    cleanup_free char *c = process_command(&p);
    assert_string_equal(c, "[node] (zombie)");
}

static void same_container(void **state) {
    (void)state;
    enum { HOST = 4026531836u, POD = 4026532500u };
    unsigned both = PROCESS_NAMESPACES | PROCESS_CGROUP;
    char root[] = "/", pod[] = "/kubepods/a", below[] = "/kubepods/a/b", beside[] = "/kubepods/ab";
    struct process host = {.parts = both, .pid_ns = HOST, .cgroup = root};
    struct process service = {.parts = both, .pid_ns = HOST, .cgroup = pod};
    struct process inside = {.parts = both, .pid_ns = POD, .cgroup = pod};
    struct process nested = {.parts = both, .pid_ns = POD, .cgroup = below};
    struct process other = {.parts = both, .pid_ns = HOST, .cgroup = beside};
    struct process unknown_ns = {.parts = PROCESS_CGROUP, .cgroup = pod};
    assert_true(process_same_container(&nested, &inside));
    assert_true(process_same_container(&inside, &nested)); /* one pid namespace */
    assert_true(process_same_container(&unknown_ns, &inside));
    assert_false(process_same_container(&other, &inside));
    assert_false(process_same_container(&other, &service));
    assert_true(process_same_container(&nested, &service));
    assert_false(process_same_container(&host, &service));
    assert_true(process_same_container(&service, &host)); /* the host holds all but containers */
    assert_false(process_same_container(&inside, &host));
}

static void own_process(void **state) {
    (void)state;
    struct process p;
    uint64_t rss;
    prctl(PR_SET_NAME, "me ) and (me");
    assert_int_equal(process_read("", getpid(), PROCESS_ALL, &p), 0);
    assert_int_equal(p.parts, PROCESS_ALL);
    assert_int_equal(p.denied, 0);
    assert_string_equal(p.name, "me ) and (me");
    assert_int_equal(p.ppid, getppid());
    assert_int_equal(p.uid, geteuid());
    assert_true(process_size_get(&p, PROCESS_RSS, &rss) && rss > 0);
    assert_true(p.exe_inode && p.exe[0] == '/' && !p.exe_deleted);
    assert_true(p.n_fds >= 3);
    assert_int_equal(p.n_listed_threads, 1);
    assert_string_equal(p.threads[0].name, "me ) and (me");
    process_done(&p);
    assert_int_equal(process_read("", 999999999, PROCESS_ALL, &p), -ESRCH);

    pid_t *pids;
    size_t n, found = 0;
    assert_int_equal(process_list("", &pids, &n), 0);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || pids[i] > pids[i - 1]);
        found += pids[i] == getpid();
    }
    assert_int_equal(found, 1);
    free(pids);
}

static void environment(void **state) {
    (void)state;
    char dir[] = "/tmp/memwhy-env-XXXXXX";
    assert_non_null(mkdtemp(dir));
    cleanup_free char *make =
        mem_printf("mkdir -p %s/proc/7 && printf "
                   "'A=1\\0NODE_OPTIONSX=no\\0NODE_OPTIONS=--max-old-space-size=256"
                   "\\0EMPTY=\\0LAST=x' > %s/proc/7/environ",
                   dir, dir);
    assert_int_equal(system(make), 0);
    char *value;
    assert_int_equal(process_env(dir, 7, "NODE_OPTIONS", &value), 0);
    assert_string_equal(value, "--max-old-space-size=256");
    free(value);
    assert_int_equal(process_env(dir, 7, "EMPTY", &value), 0);
    assert_string_equal(value, "");
    free(value);
    assert_int_equal(process_env(dir, 7, "LAST", &value), 0);
    free(value);
    assert_int_equal(process_env(dir, 7, "MALLOC_ARENA_MAX", &value), -ENODATA);
    assert_int_equal(process_env(dir, 8, "A", &value), -ESRCH);
    cleanup_free char *clean = mem_printf("rm -r %s", dir);
    assert_int_equal(system(clean), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_stat),    cmocka_unit_test(parses_status),
        cmocka_unit_test(parses_statm),   cmocka_unit_test(commands),
        cmocka_unit_test(same_container), cmocka_unit_test(own_process),
        cmocka_unit_test(environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
