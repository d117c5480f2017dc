#include "kernel/cgroup_watch.h"
#include "kernel/pid_list.h"
#include "kernel/process_sample.h"
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char stat_text[] =
    "2043476 (node :) (x) S 2043462 2043476 2043400 34816 -1 4194304 5 6 7 8 900 100 11 12 20 0 11 "
    "0 360000 1234567 4321 18446744073709551615 1 1 0\n";

static uint64_t get(const struct sample *s, enum sample_field f) {
    uint64_t v = UINT64_MAX;
    sample_get(s, f, &v);
    return v;
}

static void parses_stat(void **state) {
    (void)state;
    struct sample s = {0};
    uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    assert_int_equal(sample_parse_stat(stat_text, sizeof stat_text - 1, &s), 0);
    assert_int_equal(get(&s, SAMPLE_FAULTS_MINOR), 5);
    assert_int_equal(get(&s, SAMPLE_FAULTS_MAJOR), 7);
    assert_int_equal(get(&s, SAMPLE_CPU_USER_NS), 900 * tick_ns);
    assert_int_equal(get(&s, SAMPLE_CPU_SYSTEM_NS), 100 * tick_ns);
    assert_int_equal(get(&s, SAMPLE_THREADS), 11);
    static const char zombie[] = "7 (node) Z 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5";
    assert_int_equal(sample_parse_stat(zombie, sizeof zombie - 1, &s), -ESRCH);
    /* Cut anywhere before the last field that is asked for it is none, and nothing is set. */
    size_t whole = (size_t)(strstr(stat_text, " 11 0 360000") - stat_text) + 2;
    for (size_t n = 0; n < whole; n++) {
        struct sample cut = {0};
        assert_int_equal(sample_parse_stat(stat_text, n, &cut), -EBADMSG);
        assert_int_equal(cut.known, 0);
    }
}

static void parses_status(void **state) {
    (void)state;
    static const char text[] = "Name:\tVmRSS:\nVmSize:\t  700000 kB\nVmRSS:\t  600000 kB\n"
                               "RssAnon:\t 500000 kB\nVmSwap:\tzzz kB\nVmPTE:\t  1234 kB\nVm\n"
                               "voluntary_ctxt_switches:\t123\n"
                               "nonvoluntary_ctxt_switches:\t45\nRssFile:\t 1 kB";
    struct sample s = {0};
    sample_parse_status(text, sizeof text - 1, &s);
    assert_int_equal(get(&s, SAMPLE_VM_SIZE), 700000ull << 10);
    assert_int_equal(get(&s, SAMPLE_RSS), 600000ull << 10);
    assert_int_equal(get(&s, SAMPLE_RSS_ANON), 500000ull << 10);
    assert_int_equal(get(&s, SAMPLE_PAGE_TABLES), 1234ull << 10);
    assert_int_equal(get(&s, SAMPLE_SWITCHES_VOLUNTARY), 123);
    assert_int_equal(get(&s, SAMPLE_SWITCHES_FORCED), 45);
    assert_false(s.known >> SAMPLE_SWAP & 1);
    assert_false(s.known >> SAMPLE_RSS_FILE & 1); /* the line is cut */
}

/* A child that has the descriptors it is told to have, until it is killed. */
static void samples_a_process(void **state) {
    (void)state;
    int ready[2], status;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 20; i++)
            open("/dev/null", O_RDONLY);
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    for (int keep = 0; keep < 2; keep++) {
        struct process_files f;
        struct sample s = {0};
        uint64_t counted;
        assert_int_equal(process_files_open("", pid, keep, &f), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(process_files_sample(&f, &s), 0);
        assert_int_equal(get(&s, SAMPLE_THREADS), 1);
        assert_true(get(&s, SAMPLE_RSS) > 4096);
        assert_int_equal(process_files_count_fds(&f, &counted), 0);
        assert_true(counted >= 22);
        if (s.known >> SAMPLE_FDS & 1)
            assert_int_equal(get(&s, SAMPLE_FDS), counted);
        if (keep) { /* ended, but not waited for; then gone */
            kill(pid, SIGKILL);
            siginfo_t info;
            assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
            assert_int_equal(process_files_sample(&f, &s), -ESRCH);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_int_equal(process_files_sample(&f, &s), -ESRCH);
        }
        process_files_close(&f);
    }
    struct process_files f;
    assert_int_equal(process_files_open("", pid, true, &f), -ESRCH);
    close(ready[0]);
    close(ready[1]);
}

static void put(const char *dir, const char *name, const char *text) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make(const char *root, const char *dir) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", root, dir);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* A machine of its own, with one cgroup. */
static void watches_cgroups(void **state) {
    (void)state;
    char root[] = "/tmp/memwhy-cgroups-XXXXXX", dir[100], command[100];
    struct cgroup_watch *w;
    assert_non_null(mkdtemp(root));
    static const char *const dirs[] = {"proc",   "proc/7",        "sys",
                                       "sys/fs", "sys/fs/cgroup", "sys/fs/cgroup/app"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        make(root, dirs[i]);
    snprintf(dir, sizeof dir, "%s/proc/7", root);
    put(dir, "cgroup", "0::/app\n");
    snprintf(dir, sizeof dir, "%s/sys/fs/cgroup/app", root);
    put(dir, "cgroup.procs", "7\n");
    put(dir, "memory.current", "1000000\n");
    put(dir, "memory.max", "4096000\n");
    put(dir, "memory.events", "low 0\nhigh 1\nmax 22\noom 3\noom_kill 4\noom_group_kill 5\n");
    put(dir, "memory.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=33\n");
    assert_int_equal(cgroup_watch_new(root, 7, &w), 0);
    struct sample s = {0};
    cgroup_watch_read(w, &s);
    assert_int_equal(get(&s, SAMPLE_CGROUP_CURRENT), 1000000);
    assert_int_equal(get(&s, SAMPLE_CGROUP_LIMIT), 4096000);
    assert_int_equal(get(&s, SAMPLE_CGROUP_LIMIT_HITS), 22);
    assert_int_equal(get(&s, SAMPLE_CGROUP_OOM_KILLS), 4);
    assert_int_equal(get(&s, SAMPLE_PRESSURE_SOME_NS), 77000);
    assert_int_equal(get(&s, SAMPLE_PRESSURE_FULL_NS), 33000);
    put(dir, "memory.current", "2000000\n"); /* the same file, read again */
    put(dir, "memory.max", "max\n");
    put(dir, "memory.events", "low 0\n");
    s.known = 0;
    cgroup_watch_read(w, &s);
    assert_int_equal(get(&s, SAMPLE_CGROUP_CURRENT), 2000000);
    assert_int_equal(get(&s, SAMPLE_CGROUP_LIMIT), 4096000); /* not asked anew */
    assert_false(s.known >> SAMPLE_CGROUP_OOM_KILLS & 1);
    s.known = 0;
    cgroup_watch_renew(w, root, 7);
    cgroup_watch_read(w, &s);
    assert_false(s.known >> SAMPLE_CGROUP_LIMIT & 1);
    cgroup_watch_free(w);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

/* Which pids there are, and that a process keeps its directory's number. */
static void lists_pids(void **state) {
    (void)state;
    struct pid_list l;
    uint64_t inode = 0;
    assert_int_equal(pid_list_open("", &l), 0);
    for (int round = 0; round < 3; round++) {
        bool found = false;
        assert_int_equal(pid_list_read(&l), 0);
        for (size_t i = 0; i < l.list.n; i++) {
            assert_true(i == 0 || l.list.at[i - 1].pid < l.list.at[i].pid);
            if (l.list.at[i].pid != getpid())
                continue;
            found = true;
            assert_true(!inode || l.list.at[i].inode == inode);
            inode = l.list.at[i].inode;
        }
        assert_true(found);
    }
    pid_list_close(&l);
    assert_true(pid_list_open("/nowhere", &l) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_stat),       cmocka_unit_test(parses_status),
        cmocka_unit_test(samples_a_process), cmocka_unit_test(watches_cgroups),
        cmocka_unit_test(lists_pids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
