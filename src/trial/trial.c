#include "trial/trial.h"

#include "base/clock.h"

void trial_done(struct trial *t) {
    for (size_t i = 0; i < t->runs.n; i++)
        trial_run_done(&t->runs.at[i]);
    vec_free(&t->runs);
    settings_done(&t->settings);
}

static bool is_good(const struct trial_run *r) {
    return r->outcome == RUN_MEASURED || r->outcome == RUN_ENDED;
}

size_t trial_values(const struct trial *t, size_t setting, enum measure m,
                    double ret[TRIAL_ROUNDS_MOST]) {
    size_t n = 0;
    for (size_t i = 0; i < t->runs.n && n < TRIAL_ROUNDS_MOST; i++) {
        const struct trial_run *r = &t->runs.at[i];
        if (r->setting == setting && is_good(r) && r->known[m])
            ret[n++] = r->value[m];
    }
    return n;
}

size_t trial_count(const struct trial *t, size_t setting, size_t *ret_failed) {
    size_t n = 0, failed = 0;
    for (size_t i = 0; i < t->runs.n; i++) {
        const struct trial_run *r = &t->runs.at[i];
        if (r->setting != setting || r->outcome == RUN_CANCELLED)
            continue;
        n++;
        failed += !is_good(r);
    }
    *ret_failed = failed;
    return n;
}

static bool is_given_up(const struct trial *t, size_t setting) {
    size_t failed, n = trial_count(t, setting, &failed);
    return n >= TRIAL_GIVEN_UP && failed == n;
}

/* What is never ready or cannot be put under load as it is will not be so under a setting. One that
 * dies may live under a setting: that is found out. */
static bool is_hopeless(const struct trial *t) {
    const struct trial_run *last = &t->runs.at[t->runs.n - 1];
    return last->setting == SETTING_BASELINE && is_given_up(t, SETTING_BASELINE) &&
           last->outcome != RUN_DIED;
}

/* What is being done, as the run tells it, with where in the whole that is. */
struct teller {
    const struct trial_how *how;
    struct trial_progress at;
};

static void tell(void *arg, const char *what) {
    const struct teller *t = arg;
    if (t->how->say)
        t->how->say(t->how->arg, &t->at, what);
}

/* The setting that comes at place `i` of a round: each is first in one round of n, and what went
 * before it goes behind it in the next. */
static size_t whose_turn(size_t round, size_t i, size_t n) {
    size_t at = (i + round) % n;
    return round / n % 2 ? n - 1 - at : at;
}

int trial_run_all(struct trial *t, const struct trial_how *how, struct err *e) {
    size_t n = t->settings.list.n;
    struct teller teller = {.how = how, .at = {.rounds = how->rounds, .total = n * how->rounds}};
    struct run_how run = how->run;
    uint64_t began = clock_ns();
    run.say = tell;
    run.arg = &teller;
    for (size_t round = 0; round < how->rounds; round++) {
        for (size_t i = 0; i < n; i++) {
            size_t setting = whose_turn(round, i, n);
            struct trial_run r;
            teller.at.round = round;
            teller.at.done = round * n + i;
            teller.at.setting = t->settings.list.at[setting].name;
            teller.at.left_ns =
                t->runs.n ? (clock_ns() - began) / t->runs.n * (teller.at.total - teller.at.done)
                          : 0;
            if (is_given_up(t, setting))
                continue;
            int rc = run_once(&run, &t->settings, setting, round, &r, e);
            if (rc < 0)
                return rc;
            vec_push(&t->runs, r);
            t->interrupted = r.outcome == RUN_CANCELLED;
            if (t->interrupted || is_hopeless(t))
                return 0;
        }
        t->rounds = round + 1;
    }
    return 0;
}
