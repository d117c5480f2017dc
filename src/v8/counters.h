/* V8's own counters of a process, read while it runs: where they are is found once, then one sample
 * is a few words. The target is not stopped, nothing is walked, and nothing is believed that does
 * not fit: each word is read twice, within a microsecond or so, and must have stood still, and no
 * collection may be under way. What cannot be believed at a moment is unknown at that moment.
 *
 * The figures are those of v8.getHeapStatistics() and process.memoryUsage(), added up from the
 * same words in the same way (v8::Isolate::GetHeapStatistics, src/api/api.cc; node::MemoryUsage,
 * src/node_process_methods.cc). live_after_gc is the old generation's size at the end of the last
 * full collection: what it left, without the new space.
 *
 * Isolates are found through Node's platform, which has a table of them (src/node_platform.h). */
#ifndef MEMWHY_V8_COUNTERS_H
#define MEMWHY_V8_COUNTERS_H

#include "base/err.h"
#include "image/image.h"
#include "model/sample.h"

/* What is known of a binary: serves every process of it. */
struct v8_recipe;

/* From a running process of it whose V8 is set up. -ENODATA: there is none, or not yet; -ENOTSUP:
 * one whose counters are not known. */
int v8_recipe_learn(struct image *img, struct v8_recipe **ret, struct err *e);
/* True when each process has it at another address: then `bias` below must be that module's. */
bool v8_recipe_moves(const struct v8_recipe *r);
/* The module that holds V8 in a process; -ENODATA. */
int v8_recipe_bias(struct image *img, uint64_t *ret);
void v8_recipe_free(struct v8_recipe *r);

struct v8_counters;

/* `r` must outlive it. Nothing is read yet. */
struct v8_counters *v8_counters_new(const struct v8_recipe *r, uint64_t bias);
void v8_counters_free(struct v8_counters *c);

/* Sets V8's fields of the sample; what is not known at this moment stays unknown. `img` is any
 * reader of the process's memory; `now_ns` by the monotonic clock. 0: some are set; -EAGAIN: not at
 * this moment, ask again at once or later; -ENODATA: V8 is not set up, or no more; -ENOTSUP: what
 * is there does not fit. */
int v8_counters_sample(struct v8_counters *c, const struct image *img, uint64_t now_ns,
                       struct sample *ret);

#endif
