/* The language of rules: what each means, in words, and what is said of wrong ones. */
#include "unit.h"
#include "watch/parse.h"
#include "watch/url.h"
#include "watch/words.h"

#include <errno.h>

static const struct {
    const char *rule, *words;
} good[] = {
    {"when heap_used > 90% of heap_limit for 10s then snapshot \"/var/dumps\" once",
     "When heap_used is over 90.0 % of heap_limit, for 10 s without a break: write a heap snapshot "
     "into /var/dumps; once for each process; its files take at most 10.0 GiB."},
    {"when slope(live_after_gc) > 1MB/min over 10m then print, webhook "
     "http://127.0.0.1:9000/alarm cooldown 1h",
     "When live_after_gc changes by over 1.0 MiB/min, over 10 min and with the whole 95 % "
     "interval: print it, then post it to http://127.0.0.1:9000/alarm; again every 1 h while it "
     "holds."},
    {"when rss step > 50MB within 30s then capture \"/var/dumps\" budget 5GB",
     "When rss has risen by over 50.0 MiB within 30 s: capture the process into /var/dumps; again "
     "when it has not held in between, 10 min later at the earliest; its files take at most 5.0 "
     "GiB."},
    {"when gc_time > 20% over 1m then run \"notify.sh\"",
     "When collections take over 20.0 % of the time, over 1 min: run `notify.sh` for at most 1 "
     "min; again when it has not held in between."},
    {"when http http://127.0.0.1:3000/health latency > 500ms for 3 of 5 then growth",
     "When http://127.0.0.1:3000/health takes over 500 ms to answer, in 3 of the last 5 "
     "observations: look for 1 min at what grows; again when it has not held in between, 10 min "
     "later at the earliest."},
    {"when http http://[::1]/?a=1,2#x fails then print", NULL},
    {"when http http://[::1]/?a=(1,2) fails, then print", NULL},
    {"when http http://[::1]/?a=1,2 fails then webhook http://h/a,b, print",
     "When http://[::1]/?a=1,2 does not answer, or with a status of 500 and above: post it to "
     "http://h/a,b, then print it; again when it has not held in between."},
    {"when headroom(cgroup_limit) < 100 MB and rss >= 50 % of cgroup_limit then print",
     "When between cgroup_current and cgroup_limit is left under 100.0 MiB, and rss is at least "
     "50.0 % of cgroup_limit: print it; again when it has not held in between."},
    {"when time_to(heap_limit) <= 30m over 5m then growth for 30s, run \"x \\\"y\\\" \\\\\" "
     "timeout 5s",
     "When live_after_gc grows, by its slope over 5 min and with the whole 95 % interval, to "
     "old_generation_limit in a time of at most 30 min: look for 30 s at what grows, then run `x "
     "\"y\" \\` for at most "
     "5 "
     "s; again when it has not held in between, 10 min later at the earliest."},
    {"when rate(faults_major) > 100/s and rate(cpu_user_ns) > 80% over 30s and threads > 64 then "
     "print",
     "When faults_major counts up by over 100/s, over 1 min, and cpu_user_ns counts up by over "
     "80.0 "
     "%, over 30 s, and threads is over 64: print it; again when it has not held in between."},
    {"when floor(heap_used) > 300MB over 2min then capture \"d\" redact cooldown 1h once",
     "When the least heap_used of 2 min is over 300.0 MiB: capture the process into d, redacted; "
     "once for each process; its files take at most 10.0 GiB."},
    {"when cgroup_oom_kills step > 0 within 1min then print",
     "When cgroup_oom_kills has risen by over 0 within 1 min: print it; again when it has not held "
     "in between."},
};

static int parse(const char *text, struct watch_rules *rules, struct err *e) {
    *rules = (struct watch_rules){0};
    return watch_rules_parse(text, strlen(text), "rules", rules, e);
}

static void meanings(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct watch_rules rules;
        struct err e = {0};
        int rc = parse(good[i].rule, &rules, &e);
        if (!good[i].words) {
            assert_int_equal(rc, -EINVAL);
            watch_rules_done(&rules);
            continue;
        }
        if (rc < 0)
            fail_msg("%s: %s", good[i].rule, e.what);
        char *words = watch_rule_words(&rules, &rules.list.at[0]);
        assert_string_equal(words, good[i].words);
        /* What is kept of its text means the same. */
        struct watch_rules again;
        assert_int_equal(parse(rules.list.at[0].text, &again, &e), 0);
        char *same = watch_rule_words(&again, &again.list.at[0]);
        assert_string_equal(same, words);
        free(words);
        free(same);
        watch_rules_done(&again);
        watch_rules_done(&rules);
    }
}

static const struct {
    const char *rule, *what, *hint; /* beginnings */
} wrong[] = {
    {"", "rules: there are no rules", "A rule is"},
    {"# nothing\n", "rules: there are no rules", ""},
    {"if rss > 1GB then print", "rules:1:1: `when` was expected here, not \"if\"", ""},
    {"when heap_usd > 1GB then print", "rules:1:6: there is no field \"heap_usd\"",
     "Did you mean heap_used?"},
    {"when rss > 1GB then prnt", "rules:1:21: an action (print, run,", "Did you mean print?"},
    {"when slpe(rss) > 1MB/s then print", "rules:1:6: there is no function \"slpe\"",
     "Did you mean slope?"},
    {"when slope > 1MB/s then print", "rules:1:6: slope wants a field in brackets: slope(rss)", ""},
    {"when slope(rss) > 1MB then print",
     "rules:1:19: a size by time such as 1MB/min was expected here, not \"1MB\"", ""},
    {"when rss > 10s then print",
     "rules:1:12: a size such as 500MB, or 90% of a field, was expected here, not \"10s\"", ""},
    {"when rss > 500 then print", "rules:1:12: a size such as 500MB", ""},
    {"when rss > 90% then print", "rules:1:16: `of` and a field", ""},
    {"when rss > 90% of threads then print", "rules:1:19: threads is no size", ""},
    {"when rss 1GB then print", "rules:1:10: one of > >= < <= was expected here, not \"1GB\"", ""},
    {"when rss == 1GB then print", "rules:1:10: one of > >= < <=", ""},
    {"when rss > 1GB over 10s then print", "rules:1:16: this is looked at as it is now", "For how"},
    {"when rss > 1GB for 10 then print", "rules:1:23: `of` and a count, as in for 3 of 5,",
     "A time has a unit"},
    {"when rss > 1GB for 6 of 5 then print", "rules:1:20: N of M wants", ""},
    {"when rss > 1GB for ever then print", "rules:1:20: a time such as 30s", ""},
    {"when rss > 1GB\n  print",
     "rules:2:3: `and`, `for` or `then` was expected here, not \"print\"", ""},
    {"when rss > 1GB then\n", "rules:2:1: an action (print,", ""},
    {"when rss > 1GB then run notify.sh",
     "rules:1:25: a command behind run was expected here, not "
     "\"notify.sh\"",
     "It stands within quotes."},
    {"when rss > 1GB then capture \"/var", "rules:1:29: this string has no end", ""},
    {"when rss > 1GB then webhook https://x/", "rules:1:29: https is not spoken here", ""},
    {"when rss > 1GB then webhook 127.0.0.1", "rules:1:29: a URL begins with http://", ""},
    {"when rss > 1GB then print onec", "rules:1:27: a comma and one more action",
     "Did you mean once?"},
    {"when rss > 1GB then print budget 5GB", "rules:1:27: a budget is of capture and snapshot", ""},
    {"when rate(rss) > 1MB/s then print", "rules:1:11: rate() is of what only counts up", ""},
    {"when slope(gc_major) > 1/s then print", "rules:1:12: slope() is of what rises and falls", ""},
    {"when headroom(rss) < 1MB then print", "rules:1:15: headroom is of heap_limit or cgroup_limit",
     ""},
    {"when http http://a/ speed > 1s then print", "rules:1:21: `latency` or `fails`", ""},
    {"when http http://a/ fails and http http://b/ fails then print", "rules:1:36: a rule asks one",
     "Write two rules."},
    {"when rss > 1GB then print cooldown 1", "rules:1:36: a time such as", ""},
    {"when r\xc3\xa4s > 1GB then print", "rules:1:6: there is no field", "`memwhy watch"},
    {"when \xc3\xa4\xc3\xb6 rss", "rules:1:6: there is no field", ""},
    {"when rss > 1GB then print # all\nwhen\n", "rules:3:1: what is to be watched", ""},
};

static void mistakes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct watch_rules rules;
        struct err e = {0};
        assert_int_equal(parse(wrong[i].rule, &rules, &e), -EINVAL);
        watch_rules_done(&rules);
        if (strncmp(e.what, wrong[i].what, strlen(wrong[i].what)) != 0)
            fail_msg("%s: %s", wrong[i].rule, e.what);
        if (strncmp(e.hint, wrong[i].hint, strlen(wrong[i].hint)) != 0)
            fail_msg("%s: hint %s", wrong[i].rule, e.hint);
    }
}

static void several_rules(void **state) {
    (void)state;
    struct watch_rules rules;
    struct err e = {0};
    assert_int_equal(parse("# two\nwhen rss > 1GB # large\n    then print\n"
                           "when http http://a/ fails then print when http http://a/ latency > 1s "
                           "then print",
                           &rules, &e),
                     0);
    assert_int_equal(rules.list.n, 3);
    assert_int_equal(rules.list.at[0].line, 2);
    assert_string_equal(rules.list.at[0].text, "when rss > 1GB then print");
    assert_int_equal(rules.list.at[1].line, 4);
    assert_int_equal(rules.endpoints.n, 1); /* asked once for both */
    watch_rules_done(&rules);
}

static void bounds(void **state) {
    (void)state;
    struct watch_rules rules = {0};
    struct err e = {0};
    const char nul[] = "when rss\0 > 1GB then print";
    assert_int_equal(watch_rules_parse(nul, sizeof nul, "rules", &rules, &e), -EINVAL);
    char *many = malloc(400 * 32);
    size_t n = 0;
    for (int i = 0; i < 400; i++)
        n += (size_t)snprintf(many + n, 32, "when rss > 1GB then print\n");
    assert_int_equal(watch_rules_parse(many, n, "rules", &rules, &e), -EINVAL);
    assert_non_null(strstr(e.what, "at most 256 rules"));
    watch_rules_done(&rules);
    free(many);
}

static void urls(void **state) {
    (void)state;
    struct watch_url u;
    assert_null(watch_url_parse("http://127.0.0.1:3000/a?b", &u));
    assert_string_equal(u.host, "127.0.0.1");
    assert_string_equal(u.port, "3000");
    assert_string_equal(u.authority, "127.0.0.1:3000");
    assert_string_equal(u.path, "/a?b");
    assert_null(watch_url_parse("http://[::1]:81", &u));
    assert_string_equal(u.host, "::1");
    assert_string_equal(u.port, "81");
    assert_string_equal(u.authority, "[::1]:81");
    assert_string_equal(u.path, "");
    assert_null(watch_url_parse("http://localhost?x", &u));
    assert_string_equal(u.port, "80");
    static const char *const bad[] = {"",
                                      "http://",
                                      "http:///x",
                                      "ftp://a/",
                                      "http://a:/",
                                      "http://a:0/",
                                      "http://a:65536",
                                      "http://a:1x/",
                                      "http://[::1",
                                      "http://[::1]x/",
                                      "http://a b/",
                                      "http://u@a/",
                                      "http://a/\n",
                                      "http://:80/",
                                      "https://a/",
                                      "http://[]/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(watch_url_parse(bad[i], &u));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meanings), cmocka_unit_test(mistakes), cmocka_unit_test(several_rules),
        cmocka_unit_test(bounds),   cmocka_unit_test(urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
