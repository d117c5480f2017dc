/* One run: the program started afresh under one setting, waited for until it is ready, put under
 * the load, left alone until its memory no longer moves, looked at, and ended. */
#ifndef MEMWHY_TRIAL_RUN_H
#define MEMWHY_TRIAL_RUN_H

#include "base/err.h"
#include "model/groups.h"
#include "trial/load.h"
#include "trial/measure.h"
#include "trial/predict.h"
#include "trial/setting.h"
#include <stdatomic.h>

struct run_how {
    const char *const *argv;
    /* When is it ready? When its output holds `ready_text`, or after `ready_after_ns`, or (with
     * neither) when it listens: on `port`, if that is not 0. */
    const char *ready_text;
    uint64_t ready_after_ns;
    uint64_t ready_limit_ns; /* no longer than that */
    uint16_t port;
    struct load_how load;
    /* When has it settled? When its RSS has stayed within RUN_SETTLED_PERCENT for `settle_ns`. */
    uint64_t settle_ns, settle_limit_ns;
    bool gc_times;    /* node is to tell, by --trace-gc */
    const char *logs; /* a folder where each run's output is kept; NULL: nowhere */
    const atomic_bool *cancelled;
    /* What is awaited; may be NULL. */
    void (*say)(void *arg, const char *what);
    void *arg;
};

enum { RUN_SETTLED_PERCENT = 1 };

enum run_outcome {
    RUN_MEASURED,
    RUN_ENDED, /* by itself and well: there is a peak, and nothing settled */
    RUN_DIED,
    RUN_NOT_READY,
    RUN_LOAD_FAILED,
    RUN_CANCELLED,
};

struct trial_run {
    size_t setting, round;
    enum run_outcome outcome;
    char *why; /* a clause, of whatever is not RUN_MEASURED: "was killed by SIGABRT under load" */
    char *tail, *reason; /* the end of its output then, and the line of it that tells most */
    pid_t pid;
    bool known[MEASURES];
    double value[MEASURES];
    bool settled; /* RUN_MEASURED: its RSS came to rest; else it is the median of the last while */
    uint64_t settled_after_ns;
    uint64_t others, others_rss_bytes; /* RUN_MEASURED: processes it had started, not counted */
    struct load_result load;
    uint64_t took_ns;
    bool has_account;
    struct account_groups groups;
    char *account_why;                  /* why there is none; NULL */
    VEC(struct prediction) predictions; /* by setting; of the baseline's runs */
};

/* -errno only where nothing can be started at all; whatever the program does is a result, and `ret`
 * is the caller's to end with trial_run_done(). */
int run_once(const struct run_how *how, const struct setting_list *settings, size_t setting,
             size_t round, struct trial_run *ret, struct err *e);
void trial_run_done(struct trial_run *r);
const char *run_outcome_name(enum run_outcome o); /* "measured" */

#endif
