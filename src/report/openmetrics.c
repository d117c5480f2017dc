#include "report/openmetrics.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include <string.h>

#define SECOND_NS 1000000000u

const char *metric_content_type(enum metric_form form) {
    return form == METRIC_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                      : "text/plain; version=0.0.4; charset=utf-8";
}

static void put_bytes(struct metric_text *t, const char *s, size_t n) {
    vec_reserve(t, t->n + n);
    memcpy(t->at + t->n, s, n);
    t->n += n;
}

static void put(struct metric_text *t, const char *s) {
    put_bytes(t, s, strlen(s));
}

static void put_u64(struct metric_text *t, uint64_t v) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    put_bytes(t, digits + at, sizeof digits - at);
}

/* With `least` digits behind the point, and as many more as there are. */
static void put_seconds(struct metric_text *t, uint64_t ns, size_t least) {
    char digits[9];
    size_t n = sizeof digits;
    uint64_t rest = ns % SECOND_NS;
    for (size_t i = n; i-- > 0; rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    while (n > least && digits[n - 1] == '0')
        n--;
    put_u64(t, ns / SECOND_NS);
    if (n)
        put(t, ".");
    put_bytes(t, digits, n);
}

/* Of a family in a line about it, or of its samples. */
static const char *suffix(const struct metric_family *f) {
    return f->type == METRIC_COUNTER ? "_total" : f->type == METRIC_INFO ? "_info" : "";
}

static void put_about(struct metric_text *t, const char *what, const char *value) {
    put(t, "# ");
    put(t, what);
    put(t, " ");
    put(t, t->family->name);
    if (t->form == METRIC_PROMETHEUS) /* where the family is called as its samples are */
        put(t, suffix(t->family));
    put(t, " ");
    put(t, value);
    put(t, "\n");
}

static void announce(struct metric_text *t) {
    static const char *const types[] = {
        [METRIC_GAUGE] = "gauge",
        [METRIC_COUNTER] = "counter",
        [METRIC_HISTOGRAM] = "histogram",
        [METRIC_INFO] = "info",
    };
    bool open = t->form == METRIC_OPENMETRICS;
    put_about(t, "HELP", t->family->help);
    put_about(t, "TYPE",
              types[!open && t->family->type == METRIC_INFO ? METRIC_GAUGE : t->family->type]);
    if (open && t->family->unit)
        put_about(t, "UNIT", t->family->unit);
    t->announced = true;
}

void metric_begin(struct metric_text *t, const struct metric_family *family) {
    t->family = family;
    t->announced = false;
}

/* "name_suffix{labels,more} "; `open`: without the end, as one more label is to come. */
static void put_head(struct metric_text *t, const char *end, const char *labels, const char *more,
                     bool open) {
    if (!t->announced)
        announce(t);
    put(t, t->family->name);
    put(t, end);
    if (*labels || *more || open)
        put(t, "{");
    put(t, labels);
    if (*labels && *more)
        put(t, ",");
    put(t, more);
    if (open)
        put(t, *labels || *more ? "," : "");
    else
        put(t, *labels || *more ? "} " : " ");
}

void metric_count(struct metric_text *t, const char *labels, const char *more, uint64_t value) {
    put_head(t, suffix(t->family), labels, more, false);
    put_u64(t, value);
    put(t, "\n");
}

void metric_seconds(struct metric_text *t, const char *labels, const char *more, uint64_t ns) {
    put_head(t, suffix(t->family), labels, more, false);
    put_seconds(t, ns, 0);
    put(t, "\n");
}

void metric_histogram(struct metric_text *t, const char *labels, const char *more,
                      const uint64_t *bound_ns, size_t n_bounds, const uint64_t *count,
                      uint64_t sum_ns) {
    uint64_t below = 0;
    for (size_t i = 0; i <= n_bounds; i++) {
        below += count[i];
        put_head(t, "_bucket", labels, more, true);
        put(t, "le=\"");
        /* a bound is "1" to prom-client and "1.0" to OpenMetrics, and part of the series' name */
        if (i < n_bounds)
            put_seconds(t, bound_ns[i], t->form == METRIC_OPENMETRICS);
        else
            put(t, "+Inf");
        put(t, "\"} ");
        put_u64(t, below);
        put(t, "\n");
    }
    put_head(t, "_sum", labels, more, false);
    put_seconds(t, sum_ns, 0);
    put(t, "\n");
    put_head(t, "_count", labels, more, false);
    put_u64(t, below);
    put(t, "\n");
}

void metric_end(struct metric_text *t) {
    if (t->form == METRIC_OPENMETRICS)
        put(t, "# EOF\n");
}

void metric_text_done(struct metric_text *t) {
    vec_free(t);
}

/* Where a text of at most METRIC_LABEL_MAX bytes ends, letters left whole. */
static size_t cut_at(const char *s) {
    size_t n = strlen(s);
    if (n <= METRIC_LABEL_MAX)
        return n;
    for (n = METRIC_LABEL_MAX; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

void metric_label(struct metric_labels *l, const char *name, const char *value) {
    cleanup_free char *clean = text_printable(value);
    size_t n = cut_at(clean), name_len = strlen(name);
    l->cut += clean[n] != '\0';
    vec_reserve(l, l->n + name_len + 2 * n + sizeof ",=\"\"");
    char *to = l->at + l->n;
    if (l->n)
        *to++ = ',';
    to = mempcpy(to, name, name_len);
    *to++ = '=';
    *to++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (clean[i] == '"' || clean[i] == '\\') /* a line feed is no more */
            *to++ = '\\';
        *to++ = clean[i];
    }
    *to++ = '"';
    *to = '\0';
    l->n = (size_t)(to - l->at);
}

void metric_labels_done(struct metric_labels *l) {
    vec_free(l);
}
