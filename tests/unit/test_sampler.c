#include "kernel/process_sample.h"
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_stat),
        cmocka_unit_test(parses_status),
        cmocka_unit_test(samples_a_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
