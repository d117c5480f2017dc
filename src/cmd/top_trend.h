/* By how much a process's RSS rises, of the last rounds: for `memwhy top`. */
#ifndef MEMWHY_CMD_TOP_TREND_H
#define MEMWHY_CMD_TOP_TREND_H

#include "model/points.h"
#include "report/top_figures.h"

/* The least of each stretch of rounds is what counts, as garbage comes and goes. */
enum { TOP_TREND_ROUNDS = 10, TOP_TREND_LEAST = 6, TOP_TREND_MOST = 30 };

struct top_trend {
    struct points stretches; /* TOP_TREND_MOST at most, the oldest first */
    struct point least;      /* of the stretch under way */
    unsigned rounds;         /* of it, so far */
    struct top_slope slope;  /* of the stretches, TOP_TREND_LEAST at least */
};

/* One round more. */
void top_trend_add(struct top_trend *t, uint64_t at_ns, uint64_t bytes);
void top_trend_done(struct top_trend *t);

#endif
