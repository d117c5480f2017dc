/* What is served without a server: addresses, tokens, negotiation, labels, histograms, the page. */
#include "base/mem.h"
#include "model/cgroup.h"
#include "serve/accept.h"
#include "serve/address.h"
#include "serve/metrics.h"
#include "serve/process_labels.h"
#include "serve/secret.h"
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void accepted(void **state) {
    (void)state;
    static const struct {
        const char *header;
        enum metric_form form;
    } cases[] = {
        {NULL, METRIC_PROMETHEUS},
        {"", METRIC_PROMETHEUS},
        {"*/*", METRIC_PROMETHEUS},
        {"text/html,application/xhtml+xml,*/*;q=0.8", METRIC_PROMETHEUS},
        {"application/openmetrics-text", METRIC_OPENMETRICS},
        /* Prometheus 2.42 and 3.0 */
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         METRIC_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
         "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,"
         "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
         METRIC_OPENMETRICS},
        /* versions nobody has, or only an old one */
        {"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5",
         METRIC_PROMETHEUS},
        {"application/openmetrics-text; version=2.0.0", METRIC_PROMETHEUS},
        {"Application/OpenMetrics-Text ; Version=\"1.0.0\" ; q=1", METRIC_OPENMETRICS},
        {"text/plain;q=0.9, application/openmetrics-text;q=0.8", METRIC_PROMETHEUS},
        {"application/openmetrics-text;q=0", METRIC_PROMETHEUS},
        {"application/openmetrics-text;q=0.001", METRIC_OPENMETRICS},
        {"application/openmetrics-text;q=x", METRIC_PROMETHEUS},
        {";;;,,,=;=q;q=;,application/openmetrics-text;;,", METRIC_OPENMETRICS},
        {"application/openmetrics-textual", METRIC_PROMETHEUS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (accept_form(cases[i].header) != cases[i].form)
            fail_msg("%s", cases[i].header ? cases[i].header : "(none)");
}

static void addresses(void **state) {
    (void)state;
    static const struct {
        const char *text, *host; /* NULL: refused */
        unsigned port;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1:9464", "127.0.0.1", 9464, true},
        {"127.1.2.3:0", "127.1.2.3", 0, true},
        {"localhost:80", "127.0.0.1", 80, true},
        {"9464", "127.0.0.1", 9464, true},
        {"[::1]:65535", "::1", 65535, true},
        {"[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1, true},
        {"[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1, false},
        {":9464", "::", 9464, false},
        {"0.0.0.0:9464", "0.0.0.0", 9464, false},
        {"10.0.0.7:9464", "10.0.0.7", 9464, false},
        {"[fe80::1]:9464", "fe80::1", 9464, false},
        {"128.0.0.1:1", "128.0.0.1", 1, false},
        {"127.0.0.1:65536", NULL, 0, false},
        {"127.0.0.1:-1", NULL, 0, false},
        {"127.0.0.1:", NULL, 0, false},
        {"127.0.0.1", NULL, 0, false},
        {"", NULL, 0, false},
        {"::1:9464", NULL, 0, false},
        {"[::1]", NULL, 0, false},
        {"[::1:9464", NULL, 0, false},
        {"[]:1", NULL, 0, false},
        {"example.org:80", NULL, 0, false},
        {"127.0.0.1:94 64", NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct serve_address a = {0};
        struct err e = {0};
        char host[SERVE_HOST_MAX];
        int rc = serve_address_parse(cases[i].text, &a, &e);
        if (rc != (cases[i].host ? 0 : -EINVAL))
            fail_msg("%s: %d", cases[i].text, rc);
        if (rc < 0) {
            assert_non_null(strstr(e.what, cases[i].text));
            continue;
        }
        serve_address_host(&a, host);
        assert_string_equal(host, cases[i].host);
        assert_int_equal(serve_address_port(&a), cases[i].port);
        assert_int_equal(a.is_loopback, cases[i].is_loopback);
    }
}

static int read_token(const char *text, mode_t mode, struct token *ret, struct err *e) {
    char path[] = "/tmp/memwhy-token-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    int rc = token_read(path, ret, e);
    unlink(path);
    return rc;
}

static void tokens(void **state) {
    (void)state;
    struct err e;
    struct token t, whole;
    char longest[TOKEN_MAX + 1];
    memset(longest, 'x', sizeof longest);
    longest[TOKEN_MAX] = '\0';
    assert_int_equal(read_token("0123456789abcdef\n", 0600, &t, &e), 0);
    assert_int_equal(t.n, 16);
    assert_true(token_is_shown(&t, "Bearer 0123456789abcdef"));
    assert_true(token_is_shown(&t, "bearer 0123456789abcdef"));
    assert_false(token_is_shown(&t, "Bearer 0123456789abcdeg"));
    assert_false(token_is_shown(&t, "Bearer 0123456789abcde"));
    assert_false(token_is_shown(&t, "Bearer 0123456789abcdef0"));
    assert_false(token_is_shown(&t, "Bearer "));
    assert_false(token_is_shown(&t, "Basic 0123456789abcdef"));
    assert_false(token_is_shown(&t, "0123456789abcdef"));
    assert_false(token_is_shown(&t, ""));
    assert_false(token_is_shown(&t, NULL));
    assert_int_equal(read_token("0123456789abcdef", 0400, &t, &e), 0);
    assert_int_equal(read_token(longest, 0600, &t, &e), -EBADMSG);
    longest[TOKEN_MAX - 1] = '\0';
    assert_int_equal(read_token(longest, 0600, &whole, &e), 0);
    char shown[TOKEN_MAX + 64];
    snprintf(shown, sizeof shown, "Bearer %sx", longest);
    assert_false(token_is_shown(&whole, shown));
    shown[strlen(shown) - 1] = '\0';
    assert_true(token_is_shown(&whole, shown));
    assert_int_equal(read_token("0123456789abcdef\n", 0640, &t, &e), -EPERM);
    assert_int_equal(read_token("0123456789abcdef\n", 0604, &t, &e), -EPERM);
    assert_int_equal(read_token("short\n", 0600, &t, &e), -EBADMSG);
    assert_int_equal(read_token("", 0600, &t, &e), -EBADMSG);
    assert_int_equal(read_token("0123456789abcdef\nand more\n", 0600, &t, &e), -EBADMSG);
    assert_int_equal(read_token("0123456789 abcdef\n", 0600, &t, &e), -EBADMSG);
    assert_int_equal(token_read("/nowhere/at/all", &t, &e), -ENOENT);
    assert_int_equal(token_read("/dev/null", &t, &e), -EBADMSG);
}

static void names(void **state) {
    (void)state;
    static const struct {
        const char *name, *command, *label;
    } cases[] = {
        {"node", "node server.js", "server.js"},
        {"MainThread", "/usr/bin/node /srv/app/dist/main.mjs --port 80", "main.mjs"},
        {"node-MainThread", "node --max-old-space-size=4096 -r ./tracing.js app.js", "app.js"},
        {"node", "node --require  ./a.js --import ./b.mjs ./bin/www", "www"},
        {"node", "node", "node"},
        {"node", "node -e secret() x", "node"},
        {"node", "node --eval=secret() x", "node"},
        {"node", "node -p secret", "node"},
        {"node", "node --print secret", "node"},
        {"node", "node -r", "node"},
        {"node", "node dir/", "node"},
        {"", "", "node"},
        {"my title", "node server.js", "my title"},
        {"next-server", "next-server (v15)", "next-server"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup_free char *label = process_label_name(cases[i].name, cases[i].command);
        assert_string_equal(label, cases[i].label);
    }
}

static void containers(void **state) {
    (void)state;
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    static const struct {
        const char *path, *id, *pod;
    } cases[] = {
        {"/kubepods.slice/kubepods-burstable.slice/"
         "kubepods-burstable-pod0a1b2c3d_0001_4002_8003_00000000000a.slice/cri-containerd-" ID
         ".scope",
         ID, "0a1b2c3d-0001-4002-8003-00000000000a"},
        {"/kubepods/besteffort/pod0a1b2c3d-0001-4002-8003-00000000000a/" ID, ID,
         "0a1b2c3d-0001-4002-8003-00000000000a"},
        {"/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" ID, ID,
         "0123456789abcdef0123456789abcdef"},
        {"/system.slice/docker-" ID ".scope", ID, NULL},
        {"/docker/" ID, ID, NULL},
        {"/system.slice/podman.service", NULL, NULL},
        {"/user.slice/user-1000.slice/session-2.scope", NULL, NULL},
        {"/", NULL, NULL},
        {"", NULL, NULL},
        {"/pod", NULL, NULL},
    };
#undef ID
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup_free char *id = cgroup_container_id(cases[i].path);
        cleanup_free char *pod = cgroup_pod_uid(cases[i].path);
        assert_string_equal(id ? id : "none", cases[i].id ? cases[i].id : "none");
        assert_string_equal(pod ? pod : "none", cases[i].pod ? cases[i].pod : "none");
    }
}

static void collections(void **state) {
    (void)state;
    struct gc_tally t = {0};
    struct process_id first = {7, 100}, reborn = {7, 200}, other = {3, 50};
    struct gc_event e = {.process = first, .kind = GC_SCAVENGE, .pause_ns = 1000000};
    gc_tally_add(&t, &e); /* not watched yet */
    assert_null(gc_tally_find(&t, first));
    gc_tally_watch(&t, first);
    gc_tally_watch(&t, reborn);
    gc_tally_watch(&t, other);
    gc_tally_watch(&t, first);
    assert_int_equal(t.rows.n, 3);
    gc_tally_add(&t, &e); /* a bound belongs to its bucket */
    e.pause_ns++;
    gc_tally_add(&t, &e);
    e.kind = GC_MINOR_MARK;
    e.pause_ns = 5000000001;
    gc_tally_add(&t, &e);
    e.kind = GC_UNKNOWN;
    gc_tally_add(&t, &e);
    e = (struct gc_event){.process = other, .kind = GC_MARK_COMPACT, .pause_ns = 0};
    gc_tally_add(&t, &e);
    const struct gc_histogram *h = &gc_tally_find(&t, first)->of[GC_LABEL_MINOR];
    assert_int_equal(h->count[0], 1);
    assert_int_equal(h->count[1], 1);
    assert_int_equal(h->count[GC_BOUNDS], 1);
    assert_int_equal(h->sum_ns, 1000000 + 1000001 + 5000000001);
    assert_int_equal(gc_tally_find(&t, first)->of[GC_LABEL_MAJOR].sum_ns, 0);
    assert_int_equal(gc_tally_find(&t, other)->of[GC_LABEL_MAJOR].count[0], 1);
    assert_int_equal(gc_tally_find(&t, reborn)->of[GC_LABEL_MINOR].count[0], 0);
    gc_tally_forget(&t, first);
    gc_tally_forget(&t, first);
    assert_null(gc_tally_find(&t, first));
    assert_non_null(gc_tally_find(&t, reborn));
    assert_int_equal(gc_tally_find(&t, other)->of[GC_LABEL_MAJOR].count[0], 1);
    gc_tally_done(&t);
}

/* A round of `n` processes of which all is known. */
struct full_round {
    struct sampler_round round;
    struct sampled_process process[4];
    struct gc_tally gc;
};

static void fill(struct full_round *f, size_t n) {
    *f = (struct full_round){.round.time_ns = 5000000000};
    for (size_t i = 0; i < n; i++) {
        struct sampled_process *p = &f->process[i];
        *p = (struct sampled_process){
            .id = {(pid_t)(10 + i), 1230000000},
            .name = "node",
            .command = (char *)"node a\"b\\c.js",
            .cgroup = (char *)"/docker/abc",
            .version = "24.21.0",
            .first_seen_ns = 1000 - i, /* the last was first */
        };
        struct sampler_row row = {.process = p};
        for (int k = 0; k < SAMPLE_FIELDS; k++)
            sample_set(&row.sample, k, 1000 * (uint64_t)k + 500000000 + i);
        for (int k = 0; k < V8_SPACES; k++)
            row.sample.space[k] = (struct sample_space){.used = 1, .total = 2};
        row.sample.known_spaces = (1u << V8_SPACES) - 1;
        vec_push(&f->round.rows, row);
        gc_tally_watch(&f->gc, p->id);
    }
}

static char *render(struct full_round *f, enum metric_form form, size_t max_processes) {
    struct serve_view v = {
        .round = &f->round,
        .gc = &f->gc,
        .boot_ns = 1000000000000,
        .max_processes = max_processes,
        .own = {.cpu_ns = 1, .rss_bytes = 2},
    };
    struct metric_text t = {.form = form};
    metrics_render(&v, &t);
    char *text = mem_strndup(t.at, t.n);
    metric_text_done(&t);
    return text;
}

static void full_round_done(struct full_round *f) {
    vec_free(&f->round.rows);
    gc_tally_done(&f->gc);
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

static void page(void **state) {
    (void)state;
    struct full_round f;
    fill(&f, 2);
    cleanup_free char *text = render(&f, METRIC_PROMETHEUS, 100);
    assert_non_null(strstr(text, "# HELP process_cpu_seconds_total Total user and system CPU time "
                                 "spent in seconds.\n# TYPE process_cpu_seconds_total counter\n"
                                 "process_cpu_seconds_total{pid=\"10\",name=\"a\\\"b\\\\c.js\","
                                 "cgroup=\"abc\"} 1.000057\n"));
    assert_non_null(strstr(text, "process_start_time_seconds{pid=\"10\",name=\"a\\\"b\\\\c.js\","
                                 "cgroup=\"abc\"} 1001.23\n"));
    assert_non_null(
        strstr(text, ",version=\"v24.21.0\",major=\"24\",minor=\"21\",patch=\"0\"} 1\n"));
    assert_non_null(strstr(text, ",space=\"new_large_object\"} 1\n"));
    assert_int_equal(count(text, ",kind=\"incremental\",le=\"+Inf\"} 0\n"), 2);
    assert_int_equal(count(text, "\nprocess_resident_memory_bytes{"), 2);
    full_round_done(&f);
}

/* Every field is served somewhere, whoever adds one. */
static void nothing_is_forgotten(void **state) {
    (void)state;
    struct full_round all, less;
    for (int k = 0; k < SAMPLE_FIELDS; k++) {
        fill(&all, 1);
        fill(&less, 1);
        less.round.rows.at[0].sample.known &= ~(UINT64_C(1) << k);
        cleanup_free char *with = render(&all, METRIC_PROMETHEUS, 100);
        cleanup_free char *without = render(&less, METRIC_PROMETHEUS, 100);
        bool is_elsewhere = k == SAMPLE_NEW_USED || k == SAMPLE_OLD_USED || k == SAMPLE_CODE_USED ||
                            k == SAMPLE_LARGE_USED || k == SAMPLE_GC_PAUSE_NS;
        if (count(with, "\n") == count(without, "\n") && !is_elsewhere)
            fail_msg("%s is not served", sample_field_info(k)->name);
        full_round_done(&all);
        full_round_done(&less);
    }
}

/* The name of each family ends with its unit, as OpenMetrics demands. */
static void units(void **state) {
    (void)state;
    struct full_round f;
    fill(&f, 1);
    cleanup_free char *text = render(&f, METRIC_OPENMETRICS, 100);
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, "\n# UNIT ")); p++, n++) {
        char name[128], unit[32];
        assert_int_equal(sscanf(p, "\n# UNIT %127s %31s", name, unit), 2);
        assert_true(strlen(name) > strlen(unit) + 1);
        assert_string_equal(name + strlen(name) - strlen(unit), unit);
    }
    assert_true(n > 20);
    full_round_done(&f);
}

static void unknown_is_absent(void **state) {
    (void)state;
    struct full_round f;
    fill(&f, 1);
    f.round.rows.at[0].sample.known = 0;
    f.round.rows.at[0].sample.known_spaces = 0;
    f.process[0].version[0] = '\0';
    f.process[0].cgroup = NULL;
    f.process[0].no_v8 = "No such \"table\".";
    gc_tally_forget(&f.gc, f.process[0].id);
    cleanup_free char *text = render(&f, METRIC_PROMETHEUS, 100);
    assert_int_equal(count(text, "{pid=\"10\""), 3); /* its start, and two that say what it is */
    assert_non_null(strstr(text,
                           "memwhy_v8_unknown_info{pid=\"10\",name=\"a\\\"b\\\\c.js\",why=\"No "
                           "such \\\"table\\\".\"} 1\n"));
    assert_null(strstr(text, "nodejs_"));
    full_round_done(&f);
}

static void too_many(void **state) {
    (void)state;
    struct full_round f;
    fill(&f, 4);
    char longest[METRIC_LABEL_MAX + 10] = "/";
    memset(longest + 1, 'x', sizeof longest - 2);
    longest[sizeof longest - 1] = '\0';
    f.process[3].cgroup = longest;
    cleanup_free char *text = render(&f, METRIC_PROMETHEUS, 2);
    assert_int_equal(count(text, "\nprocess_resident_memory_bytes{"), 2);
    assert_non_null(strstr(text, "\nprocess_resident_memory_bytes{pid=\"12\""));
    assert_non_null(strstr(text, "\nprocess_resident_memory_bytes{pid=\"13\""));
    assert_non_null(strstr(text, "\nmemwhy_processes 4\n"));
    assert_non_null(strstr(text, "\nmemwhy_processes_left_out 2\n"));
    assert_non_null(strstr(text, "\nmemwhy_labels_cut 2\n")); /* its end, and the whole path */
    full_round_done(&f);
    fill(&f, 0);
    cleanup_free char *none = render(&f, METRIC_OPENMETRICS, 2);
    assert_non_null(strstr(none, "\nmemwhy_processes 0\n"));
    assert_null(strstr(none, "pid="));
    full_round_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),   cmocka_unit_test(addresses),
        cmocka_unit_test(tokens),     cmocka_unit_test(names),
        cmocka_unit_test(containers), cmocka_unit_test(collections),
        cmocka_unit_test(page),       cmocka_unit_test(nothing_is_forgotten),
        cmocka_unit_test(units),      cmocka_unit_test(unknown_is_absent),
        cmocka_unit_test(too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
