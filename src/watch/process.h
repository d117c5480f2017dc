/* All rules against one process, as its samples come in. What is kept of it is bounded by the rules
 * alone: a track of TRACK_POINTS for each condition that looks back. */
#ifndef MEMWHY_WATCH_PROCESS_H
#define MEMWHY_WATCH_PROCESS_H

#include "watch/guard.h"

struct watch_process;

struct watch_process *watch_process_new(const struct watch_rules *rules);
void watch_process_free(struct watch_process *p);

/* One sample, at its at_ns. */
void watch_process_add(struct watch_process *p, const struct sample *s);

struct watch_news {
    enum guard_news guard;
    enum watch_truth was, is;
};

/* The rule of that number (from 0) on what was added last. `probe` is of the endpoint that the rule
 * asks, NULL when it asks none; one that was seen before is no observation. */
struct watch_news watch_process_judge(struct watch_process *p, size_t rule,
                                      const struct watch_probe *probe,
                                      const struct watch_lacks *lacks);

/* Of the last judgement: one for each term of the rule; never NULL. */
const struct watch_reading *watch_process_readings(const struct watch_process *p, size_t rule);
const struct guard *watch_process_guard(const struct watch_process *p, size_t rule);
const struct sample *watch_process_sample(const struct watch_process *p);

#endif
