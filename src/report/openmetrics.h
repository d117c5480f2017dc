/* Metrics as text that Prometheus reads: its text format 0.0.4, or OpenMetrics 1.0. Knows the form
 * only, not what is measured. Every family is given whole, its samples one after the other; one
 * without samples leaves no trace, as absent means unknown.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/ and
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md */
#ifndef MEMWHY_REPORT_OPENMETRICS_H
#define MEMWHY_REPORT_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_form { METRIC_PROMETHEUS, METRIC_OPENMETRICS, METRIC_FORMS };
/* For the Content-Type header. */
const char *metric_content_type(enum metric_form form);

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_INFO };

struct metric_family {
    const char *name; /* without "_total" and "_info", which its samples get by their type */
    enum metric_type type;
    const char *unit; /* "bytes", "seconds": the name ends with it; NULL: none */
    const char *help; /* one sentence */
};

/* A text that grows. Zeroed but for `form` to begin with. */
struct metric_text {
    enum metric_form form;
    char *at; /* not ended by NUL */
    size_t n, cap;
    const struct metric_family *family;
    bool announced; /* the family's own lines are written */
};

/* What follows are samples of this family, until the next. */
void metric_begin(struct metric_text *t, const struct metric_family *family);
/* `labels` as metric_label() made them, and `more` that are written out, `kind="major"`; "" none.
 */
void metric_count(struct metric_text *t, const char *labels, const char *more, uint64_t value);
/* Nanoseconds, written as seconds. */
void metric_seconds(struct metric_text *t, const char *labels, const char *more, uint64_t ns);
/* count[i] observations were at most bound_ns[i], and more than the bound before; the last has no
 * bound: there is one more of them. */
void metric_histogram(struct metric_text *t, const char *labels, const char *more,
                      const uint64_t *bound_ns, size_t n_bounds, const uint64_t *count,
                      uint64_t sum_ns);
/* After the last family. */
void metric_end(struct metric_text *t);
void metric_text_done(struct metric_text *t);

/* Labels of one sample, ended by NUL. The longest value is METRIC_LABEL_MAX bytes; what is longer
 * is cut between two letters. */
enum { METRIC_LABEL_MAX = 256 };
struct metric_labels {
    char *at; /* NULL: none yet */
    size_t n, cap;
    unsigned cut; /* how many values were too long */
};
/* Any text for a value: what is not UTF-8 and control characters are replaced. */
void metric_label(struct metric_labels *l, const char *name, const char *value);
void metric_labels_done(struct metric_labels *l);

#endif
