/* Which processes a sampler watches. A process is looked at when it first appears, then ever more
 * seldom, to see whether it has become another program; in between nothing of it is touched.
 * Private to the sampler. */
#ifndef MEMWHY_COLLECT_SAMPLER_SCAN_H
#define MEMWHY_COLLECT_SAMPLER_SCAN_H

#include "collect/runtime.h"
#include "collect/sampler.h"
#include "model/process.h"

struct sampler_scan;

/* Is told of every process that was looked at because it is new or runs another program than
 * before. */
struct sampler_seer {
    void *arg;
    void (*see)(void *arg, const struct process *p, const struct runtime *r, bool wanted);
};

/* Copies what it needs of `q`. -ESRCH when an asked-for process is not there. */
int sampler_scan_new(const struct sampler_query *q, struct sampler_scan **ret, struct err *e);
/* The present processes; `now_ns` by the monotonic clock. Fails when /proc cannot be read. */
int sampler_scan_update(struct sampler_scan *s, uint64_t now_ns, const struct sampler_seer *seer);
/* Look at this one at the next update, whatever the time: it has changed. */
void sampler_scan_hurry(struct sampler_scan *s, pid_t pid);
const char *sampler_scan_root(const struct sampler_scan *s);
void sampler_scan_free(struct sampler_scan *s);

#endif
