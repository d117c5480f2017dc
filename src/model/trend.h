/* What a number does over time, as judged by series/: plain data for rules and reports. */
#ifndef MEMWHY_MODEL_TREND_H
#define MEMWHY_MODEL_TREND_H

#include "base/vec.h"
#include "model/points.h"
#include "model/sample.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trend_kind {
    TREND_UNDECIDED, /* `why` says what is lacking */
    TREND_STEADY,
    TREND_SEESAW,   /* up and down, its floor stays */
    TREND_LEVELLED, /* it grew, until `from_s`, and stays since */
    TREND_FILLING,  /* it grows ever more slowly */
    TREND_GROWING,
    TREND_FALLING,
    TREND_KINDS
};

enum trend_why {
    TREND_CLEAR,       /* it is decided */
    TREND_FEW,         /* the floor was seen too few times */
    TREND_WIDE,        /* it may grow by much or fall by as much */
    TREND_RECENT,      /* it changed its course too short a while ago */
    TREND_MAY_BE_FREE, /* it rises, which may be memory kept for reuse: nothing told it apart */
    TREND_MAY_HAVE_A_BOUND, /* it grows, and what holds it looks like something that fills up */
};

struct trend {
    enum trend_kind kind;
    enum trend_why why;
    double from_s, to_s; /* the time that the slope is of: since the last change of course */
    size_t points;       /* how often the floor was seen within it */
    bool has_slope;      /* false: too few points; the next three are not known */
    double per_s;        /* of the floor: units a second, */
    double low, high;    /* and its interval of 95 %; may be infinite */
    double before_per_s; /* its course before the last change, in units a second; 0: no change */
    double level;        /* of the floor, at the end */
    double saw;          /* what it usually rises above the floor */
    double more_s;       /* undecided: about so long a look would decide; 0: not known */
};

/* "growing", "seesaw", ... */
const char *trend_kind_name(enum trend_kind k);
/* When a straight line of this slope reaches `limit`, in seconds after the end: at the slope itself
 * and at the ends of its interval, first the earliest. False when it does not grow, or is there. */
struct trend_arrival {
    double earliest_s, likely_s, latest_s; /* latest_s may be infinite */
};
bool trend_reaches(const struct trend *t, double limit, struct trend_arrival *ret);

/* One owner of memory over a time. */
struct trend_row {
    const char *name;  /* "heap", "array_buffers", "rss", a sample's field: in JSON and for rules */
    const char *title; /* for people */
    enum sample_unit unit;
    struct trend trend;
    struct points floor;    /* what was judged; seconds from the beginning of the watch */
    uint64_t limit;         /* that it may not reach; 0: there is none, or it is not known */
    uint64_t limit_used;    /* what counts against it now; 0: what the trend is of, alone */
    const char *limit_name; /* "V8's limit", "the cgroup's limit" */
};
/* As trend_reaches(), of its own limit. */
bool trend_row_reaches(const struct trend_row *row, struct trend_arrival *ret);

struct trends {
    double seconds;   /* over which; 0: nothing was watched */
    uint64_t end_ns;  /* when that ended, since 1970 */
    uint32_t looks;   /* moments at which what lives was told from garbage */
    uint32_t samples; /* moments at which counters were read */
    VEC(struct trend_row) rows;
};
void trends_done(struct trends *t);

#endif
