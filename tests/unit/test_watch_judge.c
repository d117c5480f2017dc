/* Conditions on samples made up here: what holds, what does not, and what is unknown. */
#include "unit.h"
#include "watch/parse.h"
#include "watch/process.h"
#include "watch/words.h"

#define SECOND 1000000000ull
#define MIB 1048576ull

struct bench {
    struct watch_rules rules;
    struct watch_process *process;
    struct sample sample;
    struct watch_probe probe;
    unsigned fired, cleared;
};

static void begin(struct bench *b, const char *rule) {
    struct err e = {0};
    memset(b, 0, sizeof *b);
    if (watch_rules_parse(rule, strlen(rule), "rule", &b->rules, &e) < 0)
        fail_msg("%s", e.what);
    b->process = watch_process_new(&b->rules);
    b->sample.at_ns = 1000 * SECOND;
}

static void end(struct bench *b) {
    watch_process_free(b->process);
    watch_rules_done(&b->rules);
}

/* A second goes by; what was set stays as it is. */
static enum watch_truth next(struct bench *b) {
    b->sample.at_ns += SECOND;
    watch_process_add(b->process, &b->sample);
    size_t endpoint;
    bool asks = watch_rule_asks(&b->rules.list.at[0], &endpoint);
    struct watch_news news =
        watch_process_judge(b->process, 0, asks ? &b->probe : NULL,
                            &(struct watch_lacks){"it is no Node", "they are not watched"});
    b->fired += news.guard == GUARD_FIRES;
    b->cleared += news.guard == GUARD_CLEARS;
    return news.is;
}

static enum watch_truth with(struct bench *b, enum sample_field f, uint64_t value) {
    sample_set(&b->sample, f, value);
    return next(b);
}

static void reads(struct bench *b, const char *want) {
    char *words = watch_reading_words(&b->rules, &b->rules.list.at[0].terms.at[0],
                                      watch_process_readings(b->process, 0));
    assert_string_equal(words, want);
    free(words);
}

static void unknown_is_neither(void **state) {
    (void)state;
    struct bench b;
    begin(&b, "when heap_used > 90% of heap_limit then print");
    assert_int_equal(next(&b), WATCH_UNKNOWN);
    reads(&b, "heap_used is not known: it is no Node");
    assert_int_equal(with(&b, SAMPLE_HEAP_USED, 91 * MIB), WATCH_UNKNOWN);
    reads(&b, "heap_limit is not known: it is no Node");
    assert_int_equal(with(&b, SAMPLE_HEAP_LIMIT, 100 * MIB), WATCH_YES);
    reads(&b, "heap_used is 91.0 MiB, over 90.0 MiB (90.0 % of heap_limit)");
    assert_int_equal(with(&b, SAMPLE_HEAP_USED, 90 * MIB), WATCH_NO);
    reads(&b, "heap_used is 90.0 MiB, not over 90.0 MiB (90.0 % of heap_limit)");
    assert_int_equal(b.fired, 1);
    assert_int_equal(b.cleared, 1);
    end(&b);
    begin(&b, "when gc_time > 10% then print");
    next(&b);
    reads(&b, "the pauses of its collections cannot be seen: they are not watched");
    end(&b);
}

/* An unknown condition leaves the others open, a false one does not. */
static void all_of_them(void **state) {
    (void)state;
    struct watch_reading r[2] = {{.truth = WATCH_UNKNOWN}, {.truth = WATCH_YES}};
    assert_int_equal(watch_truth_of_all(r, 2), WATCH_UNKNOWN);
    r[1].truth = WATCH_NO;
    assert_int_equal(watch_truth_of_all(r, 2), WATCH_NO);
    r[0].truth = r[1].truth = WATCH_YES;
    assert_int_equal(watch_truth_of_all(r, 2), WATCH_YES);
}

static void for_a_time(void **state) {
    (void)state;
    struct bench b;
    begin(&b, "when rss > 10MB for 3s then print");
    for (int i = 0; i < 3; i++)
        with(&b, SAMPLE_RSS, 11 * MIB);
    assert_int_equal(b.fired, 0); /* 2 s */
    with(&b, SAMPLE_RSS, 9 * MIB);
    for (int i = 0; i < 3; i++)
        with(&b, SAMPLE_RSS, 11 * MIB);
    assert_int_equal(b.fired, 0);
    b.sample.known = 0; /* a second that is not known counts neither way */
    next(&b);
    with(&b, SAMPLE_RSS, 11 * MIB);
    assert_int_equal(b.fired, 0);
    with(&b, SAMPLE_RSS, 11 * MIB);
    assert_int_equal(b.fired, 1);
    for (int i = 0; i < 10; i++)
        next(&b);
    assert_int_equal(b.fired, 1);
    with(&b, SAMPLE_RSS, 9 * MIB);
    assert_int_equal(b.cleared, 1);
    for (int i = 0; i < 3; i++) /* held for 2 s, then not known for longer than it must hold */
        with(&b, SAMPLE_RSS, 11 * MIB);
    b.sample.known = 0;
    for (int i = 0; i < 5; i++)
        next(&b);
    with(&b, SAMPLE_RSS, 11 * MIB);
    with(&b, SAMPLE_RSS, 11 * MIB);
    assert_int_equal(b.fired, 1);
    end(&b);
}

static void how_often(void **state) {
    (void)state;
    static const struct {
        const char *guards;
        unsigned fired; /* of 30 s that hold, one that does not, and 30 more */
    } cases[] = {
        {"", 2}, {"once", 1}, {"cooldown 10s", 6}, {"cooldown 40s", 2}, {"cooldown 2min", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench b;
        char rule[96];
        snprintf(rule, sizeof rule, "when rss > 10MB then print %s", cases[i].guards);
        begin(&b, rule);
        for (int s = 0; s < 61; s++)
            with(&b, SAMPLE_RSS, s == 30 ? 0 : 11 * MIB);
        if (b.fired != cases[i].fired)
            fail_msg("%s: fired %u times", cases[i].guards, b.fired);
        end(&b);
    }
}

static void endpoints(void **state) {
    (void)state;
    struct bench b;
    begin(&b, "when http http://a/ latency > 500ms for 3 of 5 then print");
    assert_int_equal(next(&b), WATCH_UNKNOWN);
    reads(&b, "http://a/: it was not asked yet");
    static const unsigned ms[] = {600, 100, 600, 100, 100, 600, 600, 600};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(b.fired, i > 6);
        b.probe = (struct watch_probe){PROBE_ANSWERED, i + 1, ms[i] * 1000000ull, 200, NULL};
        next(&b);
        next(&b); /* the same answer is no observation */
    }
    assert_int_equal(b.fired, 1);
    reads(&b, "http://a/ answered with 200 in 600.0 ms, over 500.0 ms");
    b.probe = (struct watch_probe){PROBE_TIMED_OUT, 9, 2 * SECOND, 0, NULL};
    assert_int_equal(next(&b), WATCH_YES);
    reads(&b, "http://a/ gave no answer within 2.00 s, over 500.0 ms");
    b.probe = (struct watch_probe){PROBE_FAILED, 10, 0, 0, "nobody listens there"};
    assert_int_equal(next(&b), WATCH_UNKNOWN); /* it is not slow */
    reads(&b, "http://a/: nobody listens there");
    end(&b);
    begin(&b, "when http http://a/ fails then print");
    b.probe = (struct watch_probe){PROBE_FAILED, 1, 0, 0, "nobody listens there"};
    assert_int_equal(next(&b), WATCH_YES);
    b.probe = (struct watch_probe){PROBE_ANSWERED, 2, 1000, 404, NULL};
    assert_int_equal(next(&b), WATCH_NO);
    b.probe = (struct watch_probe){PROBE_ANSWERED, 3, 1000, 503, NULL};
    assert_int_equal(next(&b), WATCH_YES);
    end(&b);
}

static void windows(void **state) {
    (void)state;
    struct bench b;
    begin(&b, "when rss step > 50MB within 10s then print");
    assert_int_equal(with(&b, SAMPLE_RSS, 100 * MIB), WATCH_UNKNOWN);
    for (uint64_t i = 1; i < 60; i++) /* 4 MiB a second: 40 within 10 */
        assert_int_equal(with(&b, SAMPLE_RSS, (100 + 4 * i) * MIB), WATCH_NO);
    reads(&b, "rss rose by 40.0 MiB within 10 s, not over 50.0 MiB");
    assert_int_equal(with(&b, SAMPLE_RSS, (100 + 4 * 60 + 20) * MIB), WATCH_YES);
    end(&b);
    begin(&b, "when rate(faults_major) > 2/s over 20s then print");
    for (uint64_t i = 0; i < 18; i++)
        assert_int_equal(with(&b, SAMPLE_FAULTS_MAJOR, 3 * i), WATCH_UNKNOWN);
    reads(&b, "it looks back over 20.00 s, and was watched for 17.00 s");
    assert_int_equal(with(&b, SAMPLE_FAULTS_MAJOR, 3 * 18), WATCH_YES);
    reads(&b, "faults_major counted up by 3.0/s in the last 20 s, over 2.0/s");
    assert_int_equal(with(&b, SAMPLE_FAULTS_MAJOR, 0), WATCH_UNKNOWN);
    end(&b);
    begin(&b, "when gc_time > 20% over 10s then print");
    for (uint64_t i = 0; i < 12; i++)
        with(&b, SAMPLE_GC_PAUSE_NS, i * SECOND / 4);
    reads(&b, "collections took 25.0 % of the last 10 s, over 20.0 %");
    end(&b);
    begin(&b, "when floor(heap_used) > 50MB over 1min then print");
    for (uint64_t i = 0; i < 80; i++)
        with(&b, SAMPLE_HEAP_USED, (51 + i % 10 * 20) * MIB);
    assert_int_equal(b.fired, 1);
    assert_int_equal(with(&b, SAMPLE_HEAP_USED, 50 * MIB), WATCH_NO);
    end(&b);
}

/* A window of an hour is kept in some 240 points, and a dip of one second is still seen in it. */
static void long_windows(void **state) {
    (void)state;
    struct track *t = malloc(sizeof *t);
    track_begin(t, 3600 * SECOND);
    for (uint64_t s = 1; s <= 10000; s++)
        track_add(t, s * SECOND, s == 7000 ? 1 : s == 6000 ? 0 : 100);
    assert_true(t->n <= TRACK_POINTS + 2);
    assert_true(track_is_full(t));
    double least = 100;
    for (size_t i = 0; i < t->n; i++) {
        least = track_at(t, i)->value < least ? track_at(t, i)->value : least;
        assert_true(!i || track_at(t, i)->at_ns > track_at(t, i - 1)->at_ns);
    }
    assert_true(least == 1);
    assert_true(track_at(t, 0)->at_ns >= (10000 - 3600 - 30) * SECOND);
    free(t);
}

/* The saw of a heap: up by 2 MiB a second, and down at each full collection, 30 s apart. */
static uint64_t saw(uint64_t s, double leak_per_s) {
    return (uint64_t)(((double)(50 + 2 * (s % 30)) + leak_per_s * (double)s) * (double)MIB);
}

static unsigned slopes(const char *rule, double leak_per_s, struct bench *b) {
    begin(b, rule);
    sample_set(&b->sample, SAMPLE_OLD_GENERATION_LIMIT, 400 * MIB);
    for (uint64_t s = 0; s < 900; s++) {
        sample_set(&b->sample, SAMPLE_GC_MAJOR, s / 30);
        sample_set(&b->sample, SAMPLE_LIVE_AFTER_GC, saw(s / 30 * 30, leak_per_s));
        with(b, SAMPLE_HEAP_USED, saw(s, leak_per_s));
    }
    return b->fired;
}

static void leaks_and_saws(void **state) {
    (void)state;
    struct bench b;
    assert_int_equal(slopes("when slope(heap_used) > 2MB/min over 10m then print", 0.1, &b), 1);
    const struct watch_reading *r = watch_process_readings(b.process, 0);
    assert_true(r->has_interval && r->low > 0.09 * MIB && r->low <= r->value &&
                r->value <= r->high && r->high < 0.11 * MIB);
    end(&b);
    assert_int_equal(slopes("when slope(heap_used) > 2MB/min over 10m then print", 0, &b), 0);
    assert_int_equal(watch_process_guard(b.process, 0)->truth, WATCH_NO);
    end(&b);
    assert_int_equal(slopes("when slope(heap_used) > 8MB/min over 10m then print", 0.1, &b), 0);
    assert_int_equal(watch_process_guard(b.process, 0)->truth, WATCH_NO);
    end(&b);
    /* Above 50 MiB and 0.1 MiB a second it takes 3,500 s from the beginning. */
    assert_int_equal(slopes("when time_to(heap_limit) < 1h then print", 0.1, &b), 1);
    r = watch_process_readings(b.process, 0);
    assert_true(r->has_value && r->value > 2500e9 && r->value < 2700e9);
    end(&b);
    assert_int_equal(slopes("when time_to(heap_limit) < 10m then print", 0.1, &b), 0);
    end(&b);
    assert_int_equal(slopes("when time_to(heap_limit) < 1h then print", 0, &b), 0);
    end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_is_neither), cmocka_unit_test(all_of_them),
        cmocka_unit_test(for_a_time),         cmocka_unit_test(how_often),
        cmocka_unit_test(endpoints),          cmocka_unit_test(windows),
        cmocka_unit_test(long_windows),       cmocka_unit_test(leaks_and_saws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
