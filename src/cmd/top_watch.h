/* The processes `memwhy top` shows, round by round: samples with those before them, and who
 * descends from whom. */
#ifndef MEMWHY_CMD_TOP_WATCH_H
#define MEMWHY_CMD_TOP_WATCH_H

#include "collect/sampler.h"
#include "report/top_figures.h"

struct top_watch;

/* `q` and what it points to must outlive it. Errors as sampler_new(). */
int top_watch_new(const struct sampler_query *q, struct top_watch **ret, struct err *e);
/* Takes a round. Processes that were there in the round before and are no more are `gone` in this
 * one, and not in the next. */
int top_watch_round(struct top_watch *w, struct err *e);
void top_watch_free(struct top_watch *w);

/* All of the last round, ascending by pid; until the next. */
const struct top_process *top_watch_processes(const struct top_watch *w, size_t *ret_n);

struct top_totals {
    uint64_t time_ns;       /* of the round, since 1970; 0: there was none */
    size_t running;         /* processes, without those that are gone */
    struct top_parts parts; /* of them all; known: of any */
    double own_cpu_percent; /* memwhy's own, since it began to watch */
};
void top_watch_totals(const struct top_watch *w, struct top_totals *ret);

#endif
