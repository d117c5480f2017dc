/* The labels a process has in metrics: few, of bounded length, and the same as long as it lives. */
#ifndef MEMWHY_SERVE_PROCESS_LABELS_H
#define MEMWHY_SERVE_PROCESS_LABELS_H

#include "collect/sampler.h"
#include "report/openmetrics.h"

/* On each of its samples: pid, name and the last part of its cgroup. */
void process_labels(const struct sampled_process *p, struct metric_labels *ret);
/* What else is known of it, for one sample that others are joined with. */
void process_labels_more(const struct sampled_process *p, struct metric_labels *ret);

/* What a person would call it: its own name, or, as every Node process is called "node" unless it
 * says otherwise, the file name of its script. The caller frees it. */
char *process_label_name(const char *name, const char *command);

#endif
