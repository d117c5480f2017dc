/* All runs: the baseline and each setting once a round, one after another, so that whatever else
 * the machine does in an hour falls on all of them; and who goes first changes with the round. */
#ifndef MEMWHY_TRIAL_TRIAL_H
#define MEMWHY_TRIAL_TRIAL_H

#include "trial/rank.h"
#include "trial/run.h"

enum { TRIAL_ROUNDS_MOST = RANK_MOST, TRIAL_GIVEN_UP = 2 };

struct trial_progress {
    size_t round, rounds;
    const char *setting;
    size_t done, total; /* runs */
    uint64_t left_ns;   /* by how long runs took so far; 0 unknown */
};

struct trial_how {
    struct run_how run; /* its `say` and `arg` are set here */
    size_t rounds;
    void (*say)(void *arg, const struct trial_progress *p, const char *what);
    void *arg;
};

struct trial {
    struct setting_list settings;
    size_t rounds; /* that were finished */
    bool interrupted;
    VEC(struct trial_run) runs; /* in the order they took place */
};

/* t->settings is filled in by the caller. A setting whose first TRIAL_GIVEN_UP runs all failed is
 * not run again; when the baseline is never ready, or never gets its load, nothing is. */
int trial_run_all(struct trial *t, const struct trial_how *how, struct err *e);
void trial_done(struct trial *t);

/* The values of a measure over a setting's runs; gives how many, at most TRIAL_ROUNDS_MOST. Of runs
 * that failed there are none, and of those that ended by themselves what they had. */
size_t trial_values(const struct trial *t, size_t setting, enum measure m,
                    double ret[TRIAL_ROUNDS_MOST]);
/* Runs of a setting, and how many of them failed: died, were not ready, had a load that failed. */
size_t trial_count(const struct trial *t, size_t setting, size_t *ret_failed);

#endif
