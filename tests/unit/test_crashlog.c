/* The parts of reading crash logs, each against what it is for. */
#include "unit.h"

#include "base/mem.h"
#include "crashlog/fatal.h"
#include "crashlog/gc_line.h"
#include "crashlog/kernel_kill.h"
#include "crashlog/needles.h"
#include "crashlog/prefix.h"
#include "crashlog/report_file.h"
#include "crashlog/series.h"
#include "crashlog/stack.h"

static const char *const words[] = {"abab", "babba", " ms: ", "FATAL", "aaaaaaaa", NULL};

static bool any_word(const char *text) {
    for (size_t i = 0; words[i]; i++)
        if (strstr(text, words[i]))
            return true;
    return false;
}

/* As strstr() for each word, on texts of two letters, where words nearly occur all the time. */
static void needles_are_found(void **state) {
    (void)state;
    struct needles *n = needles_new(words);
    unsigned found = 0;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t length = (size_t)rand() % (sizeof text - 1);
        for (size_t i = 0; i < length; i++)
            text[i] = "ab"[rand() % 2];
        text[length] = '\0';
        bool want = any_word(text);
        found += want;
        assert_int_equal(needles_find(n, text, text + length) != NULL, want);
    }
    assert_true(found > 1000 && found < 19000);
    const char *line = "12 ms: no, [1:0x2] 3 ms: Scavenge";
    assert_ptr_equal(needles_find(n, line, line + strlen(line)), line + 2);
    assert_null(needles_find(n, line, line + 6)); /* the word is cut */
    needles_free(n);
}

struct gc_case {
    const char *line;
    struct gc_line want;
};
static const struct gc_case gc_cases[] = {
    {"   18846 ms: Mark-sweep 1385.9 (1434.2) -> 882.1 (926.2) MB, 125.5 / 0.0 ms (+ 140.4 ms in "
     "67 "
     "steps since start of marking) [allocation failure]",
     {.ms = 18846,
      .full = true,
      .before = 1385.9,
      .after = 882.1,
      .pause_ms = 125.5,
      .steps_ms = 140.4}},
    {"[5519:0x14c4c840]     1276 ms: Mark-sweep 39.6 (74.8) -> 39.5 (75.3) MB, 160.5 / 0.0 ms  "
     "last "
     "resort GC in old space requested",
     {.pid = 5519,
      .isolate = 0x14c4c840,
      .ms = 1276,
      .full = true,
      .last_resort = true,
      .before = 39.6,
      .after = 39.5,
      .pause_ms = 160.5}},
    {"nc[9214:0x3999d950]      801 ms: Mark-sweep (reduce) 37.9 (40.0) -> 37.8 (40.2) MB, 186.7 / "
     "0.0 ms "
     " (average mu = 0.263, current mu = 0.189) finalize i[92",
     {.pid = 9214,
      .isolate = 0x3999d950,
      .ms = 801,
      .full = true,
      .reduce = true,
      .before = 37.9,
      .after = 37.8,
      .pause_ms = 186.7,
      .has_mu = true,
      .average_mu = 0.263,
      .current_mu = 0.189}},
    {"[6904:0000029E16A50000]  1889696 ms: Scavenge (during sweeping) 2043.3 (2047.8) -> 2042.0 "
     "(2048.3) "
     "MB, pooled: 0.0 MB, 3.93 / 0.00 ms (average mu = 0.274, current mu = 0.258) allocation "
     "failure;",
     {.pid = 6904,
      .isolate = 0x29E16A50000,
      .ms = 1889696,
      .before = 2043.3,
      .after = 2042.0,
      .pause_ms = 3.93,
      .has_mu = true,
      .average_mu = 0.274,
      .current_mu = 0.258}},
    {"[5678:0x1678d000]      991 ms: Incremental Mark-Compact (reduce) 22.6 (23.9) -> 22.5 (23.9) "
     "MB, "
     "pooled: 0.0 MB, 28.49 / 0.00 ms (+ 0.0 ms in",
     {.pid = 5678,
      .isolate = 0x1678d000,
      .ms = 991,
      .full = true,
      .reduce = true,
      .before = 22.6,
      .after = 22.5,
      .pause_ms = 28.49}},
    {"[8398:0x2403ab30] 76983070 ms: Mark-Compact 1671.8 (1839.6) -> 1655.2",
     {.pid = 8398,
      .isolate = 0x2403ab30,
      .ms = 76983070,
      .full = true,
      .before = 1671.8,
      .after = 1655.2}},
    {"[1824:...] 534881780 ms: Scavenge 635.8 (642.7) -> 634.9 (642.7) MB, pooled: 0 MB ...",
     {.pid = 1824, .ms = 534881780, .before = 635.8, .after = 634.9}},
    {"web | [1062: 0x3524070] 58010218 ms: Scavenge 54.0 (60.0) -> 53.5 (60.0) MB, 775.8 / 106.6 "
     "ms",
     {.pid = 1062,
      .isolate = 0x3524070,
      .ms = 58010218,
      .before = 54.0,
      .after = 53.5,
      .pause_ms = 775.8}},
};

static void collections_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof gc_cases / sizeof *gc_cases; i++) {
        const struct gc_line *want = &gc_cases[i].want;
        struct gc_line got;
        const char *end;
        assert_true(gc_line_parse(gc_cases[i].line, &got, &end));
        assert_int_equal(got.pid, want->pid);
        assert_int_equal(got.isolate, want->isolate);
        assert_true(got.full == want->full && got.reduce == want->reduce);
        assert_true(got.last_resort == want->last_resort && got.has_after);
        const double pairs[][2] = {{got.ms, want->ms},
                                   {got.before, want->before},
                                   {got.after, want->after},
                                   {got.pause_ms, want->pause_ms},
                                   {got.steps_ms, want->steps_ms},
                                   {got.current_mu, want->current_mu},
                                   {got.average_mu, want->average_mu}};
        for (size_t j = 0; j < sizeof pairs / sizeof *pairs; j++)
            assert_true(pairs[j][0] - pairs[j][1] < 1e-6 && pairs[j][1] - pairs[j][0] < 1e-6);
        assert_false(gc_line_parse(end, &got, &end));
    }
    struct gc_line g;
    const char *end,
        *two = "[1:0x5510430] 9018 ms: Mark-sweep 510.5 (520.7) -> 510.2 (521.4) MB, 1.0 / 0.0 "
               "ms  allocat[1:0x5510430] 9523 ms: Mark-sweep 511.4 (521.4) -> 510.8 (5";
    assert_true(gc_line_parse(two, &g, &end) && g.ms == 9018);
    assert_true(gc_line_parse(end, &g, &end) && g.ms == 9523 && g.has_after && !g.has_after_total);
    assert_false(gc_line_parse("GET /x 200 12 ms: Scavenge 5", &g, &end));
    assert_false(gc_line_parse("took 12 ms: done", &g, &end));
}

static void prefixes_are_taken(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"FATAL ERROR: Reached heap limit", "", "FATAL ERROR: Reached heap limit"},
        {"2026-11-22T00:31:30Z FATAL ERROR: x", "", " FATAL ERROR: x"},
        {"web_1     |  1: 0xa1 node::Abort()", "web_1", "  1: 0xa1 node::Abort()"},
        {"3|muon-nod |  2: 0xa1", "3|muon-nod", "  2: 0xa1"},
        {"[1:0x37fbda0] 35308 ms: Scavenge", "", "[1:0x37fbda0] 35308 ms: Scavenge"},
        {"[  123.456789] Out of memory", "", " Out of memory"},
        {"Nov 22 00:28:08 h-1 kernel: [518.05] Out of memory", "h-1 kernel", " Out of memory"},
        {"[Thu Dec  7 00:05:14 2017] Out of memory", "", " Out of memory"},
        {"2026-11-22 00:31:30,5 [web] text", "web", "text"},
        {"node::Abort() [node]", "", "node::Abort() [node]"},
        {"#  1: node::Abort() [n]", "", " 1: node::Abort() [n]"},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[128];
        struct prefix p;
        snprintf(line, sizeof line, "%s", cases[i][0]);
        prefix_take(line, &p);
        assert_string_equal(p.label, cases[i][1]);
        assert_string_equal(p.text + strspn(p.text, " "), cases[i][2] + strspn(cases[i][2], " "));
    }
}

static void series_stay_small(void **state) {
    (void)state;
    struct series s = {0};
    struct trend t;
    double since;
    assert_false(series_trend(&s, &t));
    for (int i = 0; i < 1000000; i++)
        series_add(&s, i * 1000.0, 100 + i * 0.5);
    assert_true(s.n <= SERIES_POINTS && s.n >= SERIES_POINTS / 2 - 1);
    assert_int_equal(s.seen, 1000000);
    assert_true(series_trend(&s, &t));
    assert_true(t.mib_per_min > 29.999 && t.mib_per_min < 30.001 && t.fits > 0.999999);
    assert_true(series_above_since(&s, 0.8 * s.last.mib, &since));
    assert_true(since > 0.79 * s.last.ms && since < 0.81 * s.last.ms);
    series_done(&s);
}

static void flags_are_found(void **state) {
    (void)state;
    assert_int_equal(crash_flag_mib("> node --max-old-space-size=4096 a.js", "max-old-space-size"),
                     4096);
    assert_int_equal(crash_flag_mib("node --max_old_space_size 512", "max-old-space-size"), 512);
    assert_int_equal(
        crash_flag_mib("--max-old-space-size=1 --max-old-space-size=2", "max-old-space-size"), 2);
    assert_int_equal(crash_flag_mib("--max-old-space-size-percentage=50", "max-old-space-size"), 0);
    assert_int_equal(
        crash_flag_mib("--max-old-space-size=99999999999999999999", "max-old-space-size"), 0);
}

static void stacks_are_read(void **state) {
    (void)state;
    char js[100];
    const char
        *at = " 1: 0xa1 node::Abort() [node] 2: 00007FF6BE60401F x 3: v8::Utils::F() [n] 12: 34",
        *begin;
    int frames = 0;
    while (stack_native_frame(&at, &begin))
        frames++;
    assert_int_equal(frames, 3);
    assert_true(stack_js_frame("    2: s(aka s) [0x51f] [/w/a.js:~1] [pc=0x2]", js, sizeof js));
    assert_string_equal(js, "s at /w/a.js:1");
    assert_false(stack_js_frame("    0: ExitFrame [pc: 0x1667265bf1d]", js, sizeof js));
    struct stack_doing d = {0};
    stack_learn(&d, "8: 0x1 v8::internal::Factory::NewFillerObject(int)", 8);
    assert_null(d.what);
    stack_learn(&d, "9: 0x1 v8::internal::Runtime_AllocateInYoungGeneration", 9);
    stack_learn(&d, "9: 0x1 v8::internal::Runtime_MapGrow", 10);
    assert_true(d.one_block && d.line == 10);
}

static void task_tables_differ(void **state) {
    (void)state;
    struct kernel_kill k = {0};
    assert_true(kernel_kill_line(&k, "x invoked oom-killer: order=0", 1));
    assert_true(kernel_kill_line(&k,
                                 "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file "
                                 "rss_shmem pgtables_bytes swapents "
                                 "oom_score_adj name",
                                 2));
    assert_true(
        kernel_kill_line(&k,
                         "[1.5] [  232]     0   232    19929      180        3      177       "
                         "  0   176128      293          -250 npm start",
                         3));
    assert_int_equal(k.largest.rss_bytes, 180 * 4096);
    assert_int_equal(k.largest.swap_bytes, 293 * 4096);
    assert_string_equal(k.largest.name, "npm start");
    assert_true(kernel_kill_line(
        &k, "Killed process 7 (a) b), UID 1, total-vm:5kB, anon-rss:3kB, file-rss:1kB", 4));
    assert_int_equal(k.pid, 7);
    assert_int_equal(k.anon, 3072);
    assert_true(k.has_rss && !k.has_shmem && !k.cgroup && !k.host);
}

static void ends_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *line;
        enum exit_kind kind;
    } cases[] = {
        {"app exited with code 137", EXIT_KILL},
        {"\"ExitCode\":137,", EXIT_KILL},
        {"      Exit Code:    137", EXIT_KILL},
        {"took code 1370 units", EXIT_NONE},
        {"Killed", EXIT_KILL},
        {"a.sh: line 3:  1234 Killed                  node a.js", EXIT_KILL},
        {"12 dragons Killed today", EXIT_NONE},
        {"\"OOMKilled\": true,", EXIT_OOM_KILLED},
        {"\"OOMKilled\": false,", EXIT_NONE},
        {"node.service: Failed with result 'oom-kill'.", EXIT_OOM_KILLED},
        {"earlyoom: sending SIGTERM to process 1 uid 0 \"node\": badness 900, VmRSS 9 MiB",
         EXIT_OOMD},
        {"systemd-oomd[1]: Killed /user.slice/a due to memory pressure for /user.slice", EXIT_OOMD},
        {"Command failed with exit code 134.", EXIT_ABORT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(exit_parse(cases[i].line), cases[i].kind);
    struct fatal f;
    assert_true(
        fatal_parse("FATAL ERROR: MarkCompactCollector: young object promotion failed Allocation "
                    "failed - JavaScript heap out of memory",
                    &f));
    assert_int_equal(f.kind, FATAL_HEAP_OR_SYSTEM);
    assert_true(fatal_parse("# Fatal process out of memory: Zone", &f) && f.kind == FATAL_SYSTEM);
    assert_true(fatal_parse("FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal.", &f) &&
                f.kind == FATAL_OTHER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needles_are_found),  cmocka_unit_test(collections_are_read),
        cmocka_unit_test(prefixes_are_taken), cmocka_unit_test(series_stay_small),
        cmocka_unit_test(flags_are_found),    cmocka_unit_test(stacks_are_read),
        cmocka_unit_test(task_tables_differ), cmocka_unit_test(ends_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
