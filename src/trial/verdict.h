/* What the runs say: which differences from the baseline are larger than chance makes them, who
 * stands where, and what to ship. Pure functions of the runs. */
#ifndef MEMWHY_TRIAL_VERDICT_H
#define MEMWHY_TRIAL_VERDICT_H

#include "trial/trial.h"

/* A difference counts when chance makes one so large in at most VERDICT_CHANCE of such trials, all
 * settings taken together (Holm). It matters when it is over so many percent of the baseline, too:
 * that of memory to be worth a setting, that of other measures to be a price. */
#define VERDICT_CHANCE 0.05
enum { VERDICT_WORTH_PERCENT = 5, VERDICT_PRICE_PERCENT = 10 };

enum verdict_is { IS_UNKNOWN, IS_NOISE, IS_LESS, IS_MORE };

struct verdict_cell {
    size_t n;                   /* values */
    double median, least, most; /* if n */
    /* Against the baseline, if `is` is not IS_UNKNOWN. */
    enum verdict_is is;
    struct rank_shift shift;
    double adjusted_p;
};

struct verdict_row { /* of a setting */
    struct verdict_cell cell[MEASURES];
    size_t runs, failed;
    uint64_t requests, bad_requests; /* of the built-in load, in all runs: tried, and failed */
    size_t rank;       /* from 1; those that noise may have put in order share one; 0: none */
    bool fails;        /* more of its requests than of the baseline's, beyond a hundredth */
    bool saves, hurts; /* of the measure that counts: clear, and worth it */
    unsigned price;    /* bit m: worse by more than is little */
    struct prediction prediction; /* the middle of those the baseline's runs gave */
};

struct verdict {
    enum measure counts; /* settled RSS; the peak of programs that end by themselves */
    size_t n;            /* settings, the baseline among them */
    struct verdict_row *rows;
    size_t *order; /* of the n_ranked that have a rank: settings, least first */
    size_t n_ranked;
    size_t ship;          /* a setting; SETTING_BASELINE: none of these */
    size_t rounds_needed; /* so that a difference can count at all; 0: there were enough */
};

/* The caller ends it with verdict_done(). */
void verdict_of(const struct trial *t, struct verdict *ret);
void verdict_done(struct verdict *v);

const char *verdict_is_name(enum verdict_is is); /* "noise" */

#endif
