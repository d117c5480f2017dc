/* V8's and malloc's counters of the sampled processes. Private to the sampler. */
#ifndef MEMWHY_COLLECT_SAMPLER_HEAPS_H
#define MEMWHY_COLLECT_SAMPLER_HEAPS_H

#include "model/sample.h"
#include <sys/types.h>

/* What is known of binaries: each is looked at once, not each process of it. */
struct sampler_heaps;
struct sampler_heaps *sampler_heaps_new(void);
void sampler_heaps_free(struct sampler_heaps *h);

/* One process. */
struct sampled_heap;
struct sampled_heap *sampled_heap_new(struct sampler_heaps *h, pid_t pid);
void sampled_heap_free(struct sampled_heap *p);

/* Sets what is known at this moment. True: ask again, it may be known in a moment. `ret_why` is why
 * V8's counters cannot be had, a static sentence, or NULL. */
bool sampled_heap_sample(struct sampled_heap *p, struct sample *ret, const char **ret_why);

#endif
