/* The parts of a trial that need no process: texts, settings, the histogram, and the verdict on
 * runs whose truth is known. */
#include "trial/gc_times.h"
#include "trial/latency.h"
#include "trial/listener.h"
#include "trial/load.h"
#include "trial/log.h"
#include "trial/verdict.h"
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

static void latencies(void **state) {
    (void)state;
    static struct latency l; /* 30 KB */
    assert_int_equal(latency_quantile(&l, 0.5), 0);
    for (uint64_t i = 1; i <= 1000; i++)
        latency_add(&l, i * 1000000);
    static const double parts[] = {0.001, 0.5, 0.95, 0.99, 1};
    for (size_t i = 0; i < 5; i++) {
        double want = parts[i] * 1000 * 1e6, got = (double)latency_quantile(&l, parts[i]);
        assert_true(fabs(got - want) <= want / 100);
    }
    latency_add(&l, UINT64_MAX);
    assert_true(latency_quantile(&l, 1) > UINT64_MAX / 100 * 99);
    static struct latency small;
    for (uint64_t i = 0; i < 64; i++)
        latency_add(&small, i);
    assert_int_equal(latency_quantile(&small, 0.5), 31); /* exact */
}

/* Lines that Node 12, 20, 24 and 26 printed. */
static void gc_lines(void **state) {
    (void)state;
    uint64_t ns;
    assert_true(gc_times_line(
        "[4850:0x35ea44e0]       83 ms: Scavenge 2.4 (3.2) -> 2.0 (4.2) MB, 3.9 / 0.0 ms  "
        "(average mu = 1.000, current mu = 1.000) allocation failure \n",
        4850, &ns));
    assert_int_equal(ns, 3900000);
    assert_true(gc_times_line(
        "[5310:0xd284d00]      474 ms: Mark-sweep 82.9 (115.6) -> 67.9 (101.2) MB, 67.8 / 0.0 ms  "
        "(+ 3.4 ms in 22 steps since start of marking, biggest step 2.6 ms)\n",
        0, &ns));
    assert_int_equal(ns, 67800000);
    assert_true(gc_times_line(
        "[6027:0x313c6000]      659 ms: Incremental Mark-Compact 114.5 (160.7) -> 3.8 (69.9) MB, "
        "pooled: 41.2 MB, 18.66 / 0.00 ms (+ 0.0 ms in 1 steps)\n",
        6027, &ns));
    assert_int_equal(ns, 18660000);
    assert_false(gc_times_line("[6027:0x313c6000] 659 ms: Scavenge 1 (2) -> 1 (2) MB, 1.0 / 0.0 ms",
                               1, &ns));
    assert_false(gc_times_line("listening on 3000\n", 0, &ns));
    assert_false(gc_times_line("[1:0x2] 3 ms: Scavenge 1 (2) -> 1 (2) MB, pooled: ", 0, &ns));
    assert_false(gc_times_line("[1:0x2] 3 ms: Scavenge 1 (2) -> 1 (2) MB, nan / 0.0 ms", 0, &ns));
}

static void rates(void **state) {
    (void)state;
    double v;
    assert_true(load_rate_of("Running 10s test\nRequests/sec:  53988.12\nTransfer/sec: 9MB\n", &v));
    assert_true(fabs(v - 53988.12) < 1e-6);
    assert_true(load_rate_of("Requests per second:    1234.50 [#/sec] (mean)\n", &v));
    assert_true(fabs(v - 1234.5) < 1e-6);
    assert_false(load_rate_of("Requests/sec: many", &v));
    assert_false(load_rate_of("", &v));
}

static void addresses(void **state) {
    (void)state;
    static const struct {
        const char *text, *url;
        uint16_t port;
    } good[] = {{"0.0.0.0:80", "http://127.0.0.1:80", 80},
                {"127.0.0.2:3000", "http://127.0.0.2:3000", 3000},
                {"[::]:8080", "http://localhost:8080", 8080},
                {"[::1]:65535", "http://[::1]:65535", 65535}};
    static const char *const bad[] = {"",     "80",    "1.2.3:80", "1.2.3.4:0", "1.2.3.4:65536",
                                      "[:80", "/tmp/x"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct load_target at = {0};
        assert_true(listener_parse(good[i].text, &at));
        assert_string_equal(at.url, good[i].url);
        assert_int_equal(at.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct load_target at = {0};
        assert_false(listener_parse(bad[i], &at));
    }
}

static void reasons(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a\nFATAL ERROR: Reached heap limit\n 1: 0x12 node::Abort()\n",
         "FATAL ERROR: Reached heap limit"},
        {"node:internal\n\nError: Cannot find module 'x'\n    at f (a.js:1)\n\nNode.js v20\n",
         "Error: Cannot find module 'x'"},
        {"one\ntwo\n\n  \n", "two"},
        {"", ""},
        {"\n\n", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *got = log_reason(cases[i][0]);
        assert_string_equal(got, cases[i][1]);
        free(got);
    }
}

/* A text that comes in two writes, and far behind others. */
static void log_texts(void **state) {
    (void)state;
    struct log l;
    char filler[1000];
    memset(filler, 'x', sizeof filler);
    assert_int_equal(log_open(NULL, &l, NULL), 0);
    assert_false(log_says(&l, "READY"));
    for (int i = 0; i < 200; i++)
        assert_int_equal(write(l.fd, filler, sizeof filler), sizeof filler);
    assert_int_equal(write(l.fd, "\nREA", 4), 4);
    assert_false(log_says(&l, "READY"));
    assert_int_equal(write(l.fd, "DY\nlast", 7), 7);
    assert_true(log_says(&l, "READY"));
    char *tail = log_tail(&l, 20);
    assert_string_equal(tail, "READY\nlast");
    free(tail);
    log_close(&l);
}

static void settings(void **state) {
    (void)state;
    struct setting_list l;
    struct err e = {0};
    settings_init(&l);
    assert_int_equal(settings_add(&l, "MALLOC_ARENA_MAX=2", &e), 0);
    settings_add_together(&l);
    assert_int_equal(l.list.n, 2); /* nothing to be together with */
    assert_int_equal(settings_add(&l, "--max-old-space-size=256", &e), 0);
    assert_int_equal(settings_add(&l, "MALLOC_TRIM_THRESHOLD=1  --expose-gc", &e), 0);
    assert_int_equal(l.notes.n, 1);
    assert_non_null(strstr(l.notes.at[0], "MALLOC_TRIM_THRESHOLD_"));
    assert_int_equal(settings_add(&l, "max-old-space-size", &e), -EINVAL);
    assert_int_equal(settings_add(&l, "=3", &e), -EINVAL);
    assert_int_equal(settings_add(&l, " ", &e), -EINVAL);
    settings_add_together(&l);
    assert_int_equal(l.list.n, 5);
    const struct setting *all = &l.list.at[4];
    assert_true(all->together);
    assert_int_equal(all->env.n, 2);
    assert_int_equal(all->flags.n, 2);

    const char *argv[] = {"node", "app.js", NULL};
    char **words = setting_argv(all, argv, "--trace-gc");
    static const char *const want[] = {"node", "--max-old-space-size=256", "--expose-gc",
                                       "--trace-gc", "app.js"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(words[i], want[i]);
    assert_null(words[5]);
    free(words);

    setenv("MALLOC_ARENA_MAX", "7", 1);
    char **env = setting_environment(all, (char *[]){"PORT=1"}, 1);
    size_t arenas = 0, ports = 0;
    for (char **at = env; *at; at++) {
        arenas += strncmp(*at, "MALLOC_ARENA_MAX=", 17) == 0;
        ports += strcmp(*at, "PORT=1") == 0;
    }
    assert_int_equal(arenas, 1);
    assert_int_equal(ports, 1);
    free(env);
    unsetenv("MALLOC_ARENA_MAX");
    settings_done(&l);
}

static void contradictions(void **state) {
    (void)state;
    struct setting_list l;
    struct err e = {0};
    settings_init(&l);
    assert_int_equal(settings_add(&l, "--max-old-space-size=256", &e), 0);
    assert_int_equal(settings_add(&l, "--max_old_space_size=512", &e), 0);
    settings_add_together(&l);
    assert_int_equal(l.list.n, 3);
    assert_int_equal(l.notes.n, 1);
    settings_done(&l);
}

/* A trial whose settled RSS and CPU time are given, in MB and ms. */
static void add_run(struct trial *t, size_t setting, double rss, double cpu) {
    struct trial_run r = {.setting = setting, .round = t->runs.n, .outcome = RUN_MEASURED};
    r.known[MEASURE_SETTLED] = r.known[MEASURE_CPU] = true;
    r.value[MEASURE_SETTLED] = rss * 1e6;
    r.value[MEASURE_CPU] = cpu * 1e6;
    vec_push(&t->runs, r);
}

static struct trial new_trial(size_t rounds, const char *const *names, size_t n) {
    struct trial t = {.rounds = rounds};
    struct err e;
    settings_init(&t.settings);
    for (size_t i = 0; i < n; i++)
        settings_add(&t.settings, names[i], &e);
    return t;
}

static const double noise[] = {0.3, -1.1, 0.7, 1.9, -0.6};

static void verdicts(void **state) {
    (void)state;
    static const char *const names[] = {"SAVES=1", "SAVES=1 A=1", "NOTHING=1", "HURTS=1", "DEAR=1"};
    struct trial t = new_trial(5, names, 5);
    struct verdict v;
    for (size_t i = 0; i < 5; i++) {
        add_run(&t, 0, 200 + noise[i], 1000 + noise[i]);
        add_run(&t, 1, 150 + noise[(i + 2) % 5], 1001 + noise[i]);
        add_run(&t, 2, 149 - noise[i], 999 - noise[i]); /* as good, and sets more */
        add_run(&t, 3, 200.1 + noise[(i + 1) % 5], 1000 + noise[i]);
        add_run(&t, 4, 300 + noise[i], 1000 + noise[(i + 3) % 5]);
        add_run(&t, 5, 100 + noise[i], 1300 + noise[i]); /* the least, at a price */
    }
    verdict_of(&t, &v);
    assert_int_equal(v.counts, MEASURE_SETTLED);
    assert_int_equal(v.rounds_needed, 0);
    assert_int_equal(v.rows[3].cell[MEASURE_SETTLED].is, IS_NOISE);
    assert_true(v.rows[1].saves && v.rows[2].saves && v.rows[5].saves && v.rows[4].hurts);
    assert_false(v.rows[3].saves || v.rows[3].hurts);
    assert_int_equal(v.rows[5].price, 1u << MEASURE_CPU);
    assert_int_equal(v.ship, 1);
    static const size_t order[] = {5, 1, 2, 0, 3, 4}, ranks[] = {4, 2, 2, 4, 6, 1};
    assert_int_equal(v.n_ranked, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(v.order[i], order[i]);
        assert_int_equal(v.rows[i].rank, ranks[i]);
    }
    verdict_done(&v);
    trial_done(&t);
}

/* A setting of which a run died is neither ranked nor shipped, however little it used. */
static void deaths(void **state) {
    (void)state;
    static const char *const names[] = {"DIES=1"};
    struct trial t = new_trial(5, names, 1);
    struct verdict v;
    for (size_t i = 0; i < 5; i++) {
        add_run(&t, 0, 200 + noise[i], 1000);
        add_run(&t, 1, 100 + noise[i], 1000);
    }
    t.runs.at[1].outcome = RUN_DIED;
    verdict_of(&t, &v);
    assert_int_equal(v.rows[1].failed, 1);
    assert_int_equal(v.rows[1].rank, 0);
    assert_int_equal(v.ship, SETTING_BASELINE);
    verdict_done(&v);
    for (size_t i = 0; i < t.runs.n; i++) /* and one that lives where the program does not */
        t.runs.at[i].outcome = t.runs.at[i].setting ? RUN_MEASURED : RUN_DIED;
    verdict_of(&t, &v);
    assert_int_equal(v.ship, 1);
    verdict_done(&v);
    trial_done(&t);
}

/* The least memory is no merit of a setting under which requests fail. */
static void failing_requests(void **state) {
    (void)state;
    static const char *const names[] = {"REFUSES=1"};
    struct trial t = new_trial(5, names, 1);
    struct verdict v;
    for (size_t i = 0; i < 5; i++) {
        add_run(&t, 0, 200 + noise[i], 1000);
        add_run(&t, 1, 100 + noise[i], 1000);
    }
    for (size_t i = 0; i < t.runs.n; i++)
        t.runs.at[i].load.http.requests = 100;
    verdict_of(&t, &v);
    assert_int_equal(v.ship, 1);
    verdict_done(&v);
    t.runs.at[1].load.http.failures[HTTP_CUT_OFF] = 10;
    verdict_of(&t, &v);
    assert_int_equal(v.rows[1].requests, 510);
    assert_int_equal(v.rows[1].bad_requests, 10);
    assert_true(v.rows[1].saves && v.rows[1].fails);
    assert_int_equal(v.ship, SETTING_BASELINE);
    verdict_done(&v);
    trial_done(&t);
}

static void too_few(void **state) {
    (void)state;
    static const char *const names[] = {"SAVES=1"};
    struct trial t = new_trial(3, names, 1);
    struct verdict v;
    for (size_t i = 0; i < 3; i++) {
        add_run(&t, 0, 200 + noise[i], 1000);
        add_run(&t, 1, 100 + noise[i], 1000);
    }
    verdict_of(&t, &v);
    assert_int_equal(v.rounds_needed, 4);
    assert_int_equal(v.rows[1].cell[MEASURE_SETTLED].is, IS_NOISE);
    assert_int_equal(v.ship, SETTING_BASELINE);
    verdict_done(&v);
    trial_done(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latencies),
        cmocka_unit_test(gc_lines),
        cmocka_unit_test(rates),
        cmocka_unit_test(addresses),
        cmocka_unit_test(reasons),
        cmocka_unit_test(log_texts),
        cmocka_unit_test(settings),
        cmocka_unit_test(contradictions),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(deaths),
        cmocka_unit_test(failing_requests),
        cmocka_unit_test(too_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
