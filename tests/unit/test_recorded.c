#include "collect/recorded.h"
#include "record/writer.h"
#include "unit.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define BEGAN (UINT64_C(1795000000) * SECOND)

static const char kept[] = "{\"target\":{\"kind\":\"frozen\",\"pid\":%d,\"engine\":2},"
                           "\"has_account\":1,\"account\":{\"rss_bytes\":%llu,"
                           "\"owners\":[{\"path\":\"unknown\",\"resident_bytes\":%llu}]}}";

/* Two processes for a minute, each second; looks at the first after 10 and after 40 seconds. */
static char *make_store(char path[64]) {
    struct err e = {0};
    struct writer *w;
    snprintf(path, 64, "/tmp/memwhy-recorded-%d.db", (int)getpid());
    unlink(path);
    struct writer_how how = {.path = path,
                             .boot = "0",
                             .what = "all",
                             .every_ns = SECOND,
                             .time_ns = BEGAN,
                             .at_ns = SECOND};
    assert_int_equal(writer_open(&how, &w, &e), 0);
    for (uint64_t s = 0; s <= 60; s++) {
        assert_int_equal(writer_begin(w, BEGAN + s * SECOND, (s + 1) * SECOND, &e), 0);
        for (int pid = 7; pid <= 8; pid++) {
            struct writer_process p = {.id = {pid, 5}, .name = "node", .command = "node x"};
            struct sample sample = {.time_ns = BEGAN + s * SECOND, .at_ns = (s + 1) * SECOND};
            sample_set(&sample, SAMPLE_RSS, 4096 * (s + 1));
            writer_sample(w, &p, &sample);
        }
        assert_int_equal(writer_commit(w, &e), 0);
        if (s == 10 || s == 40) {
            char text[512];
            int n = snprintf(text, sizeof text, kept, 7, (unsigned long long)s * 4096,
                             (unsigned long long)s * 4096);
            struct process_id id = {7, 5};
            assert_int_equal(writer_deep(w, id, RECORDED_EVIDENCE, text, (size_t)n, &e), 0);
        }
    }
    assert_int_equal(writer_close(w, &e), 0);
    return path;
}

static void remove_store(const char *path) {
    static const char *const parts[] = {"", "-wal", "-shm"};
    char name[96];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, "%s%s", path, parts[i]);
        unlink(name);
    }
}

static void asked(const char *path, const char *tail, int error, uint64_t seconds) {
    struct evidence ev;
    struct err e = {0};
    char target[128];
    snprintf(target, sizeof target, "%s%s", path, tail);
    assert_true(recorded_is(target));
    int r = recorded_evidence(target, &ev, &e);
    if (r != error)
        print_message("%s: %d %s\n", tail, r, e.what);
    assert_int_equal(r, error);
    if (r < 0) {
        assert_true(e.what[0]);
        return;
    }
    assert_string_equal(ev.target.kind, "recorded");
    assert_int_equal(ev.account.rss_bytes, seconds * 4096);
    evidence_done(&ev);
}

static void moments(void **state) {
    (void)state;
    char path[64], at[64];
    make_store(path);
    asked(path, ":7", 0, 40);
    asked(path, ":7@last", 0, 40);
    asked(path, ":7@first", 0, 10);
    asked(path, ":7@-19s", 0, 40);
    asked(path, ":7@-21s", 0, 10);
    asked(path, ":7@-1m", -ENODATA, 0);
    snprintf(at, sizeof at, ":7@%llu", (unsigned long long)(BEGAN / SECOND + 39));
    asked(path, at, 0, 10);
    snprintf(at, sizeof at, ":7@%llu", (unsigned long long)(BEGAN / SECOND + 40));
    asked(path, at, 0, 40);
    asked(path, "", -EINVAL, 0); /* which of both? */
    asked(path, ":8", -ENODATA, 0);
    asked(path, ":9", -ESRCH, 0);
    asked(path, ":7@noon", -EINVAL, 0);
    assert_false(recorded_is("/nowhere.db"));
    assert_false(recorded_is("1234"));
    char *a, *b, both[128];
    snprintf(both, sizeof both, "%s:7@-1m..last", path);
    assert_true(recorded_split(both, &a, &b));
    assert_string_equal(a + strlen(path), ":7@-1m");
    assert_string_equal(b + strlen(path), ":7@last");
    free(a);
    free(b);
    assert_false(recorded_split(path, &a, &b));
    remove_store(path);
}

static void words_for_a_time(void **state) {
    (void)state;
    uint64_t at, first = BEGAN, last = BEGAN + 3600 * SECOND;
    char word[64];
    time_t t = (time_t)(last / SECOND) - 90;
    struct tm tm;
    localtime_r(&t, &tm);
    strftime(word, sizeof word, "%H:%M:%S", &tm);
    assert_int_equal(recorded_when(word, first, last, &at), 0);
    assert_int_equal(at / SECOND, t);
    strftime(word, sizeof word, "%Y-%m-%dT%H:%M:%S", &tm);
    assert_int_equal(recorded_when(word, first, last, &at), 0);
    assert_int_equal(at / SECOND, t);
    gmtime_r(&t, &tm);
    strftime(word, sizeof word, "%Y-%m-%dT%H:%M:%SZ", &tm);
    assert_int_equal(recorded_when(word, first, last, &at), 0);
    assert_int_equal(at / SECOND, t);
    assert_int_equal(recorded_when("-2h", first, last, &at), 0);
    assert_int_equal(at, last - 7200 * SECOND);
    const char *bad[] = {"",  "-",     "-3",          "-3w",
                         "x", "25:61", "99999999999", "-99999999999999999999s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(recorded_when(bad[i], first, last, &at), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),
        cmocka_unit_test(words_for_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
