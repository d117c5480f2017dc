/* What memwhy knows of processes, as metrics: a pure function from a round of samples to text.
 *
 * What prom-client names (lib/metrics/ of 15.1) has its names, types, help and labels, so that what
 * was made for prom-client works; "memwhy_" is before the rest. What is unknown has no sample. */
#ifndef MEMWHY_SERVE_METRICS_H
#define MEMWHY_SERVE_METRICS_H

#include "collect/sampler.h"
#include "report/openmetrics.h"
#include "serve/gc_tally.h"

/* What serving itself costs and did. */
struct serve_own {
    uint64_t cpu_ns, rss_bytes; /* of all of memwhy; 0 unknown */
    uint64_t scrapes, refused, cut_off;
    uint64_t failed_rounds;
    bool sees_collections;
    uint64_t lost_collections;
    struct sampler_cost rounds;
};

struct serve_view {
    const struct sampler_round *round;
    const struct gc_tally *gc; /* processes that are not in it: unknown */
    uint64_t boot_ns;          /* when the machine was booted, since 1970 */
    size_t max_processes;      /* those first seen first; the others are counted */
    struct serve_own own;
};

void metrics_render(const struct serve_view *v, struct metric_text *ret);

#endif
