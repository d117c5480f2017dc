/* Metrics as text: both forms, letter by letter, and labels of any content. */
#include "base/mem.h"
#include "report/openmetrics.h"
#include "unit.h"

static const struct metric_family gauge = {"a_bytes", METRIC_GAUGE, "bytes", "How much."},
                                  counter = {"b_seconds", METRIC_COUNTER, "seconds", "How long."},
                                  info = {"c", METRIC_INFO, NULL, "What."},
                                  histogram = {"d_seconds", METRIC_HISTOGRAM, "seconds", "Each."},
                                  silent = {"e", METRIC_GAUGE, NULL, "Nothing."};

static char *write_all(enum metric_form form) {
    static const uint64_t bounds[] = {1000000, 1000000000}, counts[] = {2, 0, 1};
    struct metric_text t = {.form = form};
    metric_begin(&t, &gauge);
    metric_count(&t, "x=\"1\"", "", 0);
    metric_count(&t, "x=\"1\"", "k=\"2\"", UINT64_MAX);
    metric_begin(&t, &silent);
    metric_begin(&t, &counter);
    metric_seconds(&t, "", "", 1500000000);
    metric_seconds(&t, "", "k=\"2\"", 7);
    metric_seconds(&t, "", "k=\"3\"", 60000000000);
    metric_begin(&t, &info);
    metric_count(&t, "x=\"1\"", "", 1);
    metric_begin(&t, &histogram);
    metric_histogram(&t, "", "", bounds, 2, counts, 3000000010);
    metric_histogram(&t, "x=\"1\"", "k=\"2\"", bounds, 2, counts, 0);
    metric_end(&t);
    char *text = mem_strndup(t.at, t.n);
    metric_text_done(&t);
    return text;
}

static void prometheus(void **state) {
    (void)state;
    cleanup_free char *text = write_all(METRIC_PROMETHEUS);
    assert_string_equal(text, "# HELP a_bytes How much.\n"
                              "# TYPE a_bytes gauge\n"
                              "a_bytes{x=\"1\"} 0\n"
                              "a_bytes{x=\"1\",k=\"2\"} 18446744073709551615\n"
                              "# HELP b_seconds_total How long.\n"
                              "# TYPE b_seconds_total counter\n"
                              "b_seconds_total 1.5\n"
                              "b_seconds_total{k=\"2\"} 0.000000007\n"
                              "b_seconds_total{k=\"3\"} 60\n"
                              "# HELP c_info What.\n"
                              "# TYPE c_info gauge\n"
                              "c_info{x=\"1\"} 1\n"
                              "# HELP d_seconds Each.\n"
                              "# TYPE d_seconds histogram\n"
                              "d_seconds_bucket{le=\"0.001\"} 2\n"
                              "d_seconds_bucket{le=\"1\"} 2\n"
                              "d_seconds_bucket{le=\"+Inf\"} 3\n"
                              "d_seconds_sum 3.00000001\n"
                              "d_seconds_count 3\n"
                              "d_seconds_bucket{x=\"1\",k=\"2\",le=\"0.001\"} 2\n"
                              "d_seconds_bucket{x=\"1\",k=\"2\",le=\"1\"} 2\n"
                              "d_seconds_bucket{x=\"1\",k=\"2\",le=\"+Inf\"} 3\n"
                              "d_seconds_sum{x=\"1\",k=\"2\"} 0\n"
                              "d_seconds_count{x=\"1\",k=\"2\"} 3\n");
}

static void openmetrics(void **state) {
    (void)state;
    cleanup_free char *text = write_all(METRIC_OPENMETRICS);
    assert_non_null(strstr(text, "# TYPE b_seconds counter\n# UNIT b_seconds seconds\n"
                                 "b_seconds_total 1.5\n"));
    assert_non_null(strstr(text, "# HELP c What.\n# TYPE c info\nc_info{x=\"1\"} 1\n"));
    assert_non_null(strstr(text, "d_seconds_bucket{le=\"1.0\"} 2\n"));
    assert_null(strstr(text, "# HELP e"));
    assert_string_equal(text + strlen(text) - strlen("3\n# EOF\n"), "3\n# EOF\n");
}

static void labels(void **state) {
    (void)state;
    struct metric_labels l = {0};
    metric_label(&l, "a", "plain");
    metric_label(&l, "b", "");
    metric_label(&l, "c", "\"\\\n\x1b[31m\x80\xc3\xa4");
    assert_string_equal(l.at, "a=\"plain\",b=\"\",c=\"\\\"\\\\??[31m\xef\xbf\xbd\xc3\xa4\"");
    assert_int_equal(l.cut, 0);
    metric_labels_done(&l);
    char longest[METRIC_LABEL_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[METRIC_LABEL_MAX] = '\0';
    metric_label(&l, "a", longest);
    assert_int_equal(l.cut, 0);
    assert_int_equal(strlen(l.at), METRIC_LABEL_MAX + strlen("a=\"\""));
    metric_labels_done(&l);
    memcpy(longest + METRIC_LABEL_MAX - 1, "\xc3\xa4", 3); /* the limit is amid a letter */
    l = (struct metric_labels){0};
    metric_label(&l, "a", longest);
    assert_int_equal(l.cut, 1);
    assert_string_equal(l.at + strlen(l.at) - 2, "x\"");
    assert_int_equal(strlen(l.at), METRIC_LABEL_MAX - 1 + strlen("a=\"\""));
    metric_labels_done(&l);
    memset(longest, '"', METRIC_LABEL_MAX); /* each takes two bytes */
    l = (struct metric_labels){0};
    metric_label(&l, "a", longest);
    assert_int_equal(strlen(l.at), 2 * METRIC_LABEL_MAX + strlen("a=\"\""));
    metric_labels_done(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus),
        cmocka_unit_test(openmetrics),
        cmocka_unit_test(labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
