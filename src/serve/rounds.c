#include "serve/rounds.h"

#include "base/clock.h"
#include "base/mem.h"
#include "serve/metrics.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull

struct rounds {
    struct rounds_how how;
    pthread_t thread;
    struct sampler_round round;
    struct gc_tally gc;
    uint64_t boot_ns, failed;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool stop;
};

static uint64_t now_by(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* When the machine was booted, by the wall clock. The same as before unless that was set anew: the
 * start of a process is a constant. */
static void note_boot(struct rounds *r) {
    uint64_t boot = now_by(CLOCK_REALTIME) - now_by(CLOCK_BOOTTIME), before = r->boot_ns;
    if ((boot > before ? boot - before : before - boot) > SECOND_NS / 2)
        r->boot_ns = boot;
}

static uint64_t own_rss(void) {
    unsigned long size, resident;
    cleanup_fclose FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
        return 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct serve_own own_now(const struct rounds *r) {
    struct board_counts *counts = board_counts(r->how.board);
    struct serve_own own = {
        .cpu_ns = now_by(CLOCK_PROCESS_CPUTIME_ID),
        .rss_bytes = own_rss(),
        .scrapes = atomic_load(&counts->scrapes),
        .refused = atomic_load(&counts->refused),
        .cut_off = atomic_load(&counts->cut_off),
        .failed_rounds = r->failed,
        .sees_collections = r->how.gc,
        .lost_collections = r->how.gc ? r->how.gc->lost(r->how.gc->arg) : 0,
    };
    sampler_cost(r->how.sampler, &own.rounds);
    return own;
}

static void post(struct rounds *r) {
    struct metric_text text[METRIC_FORMS] = {0};
    struct serve_view view = {
        .round = &r->round,
        .gc = &r->gc,
        .boot_ns = r->boot_ns,
        .max_processes = r->how.max_processes,
        .own = own_now(r),
    };
    for (size_t f = 0; f < METRIC_FORMS; f++) {
        text[f].form = f;
        metrics_render(&view, &text[f]);
    }
    board_post(r->how.board, text);
}

/* What has been collected since the last round; processes that came are watched from now on. */
static void follow_collections(struct rounds *r) {
    const struct gc_feed *feed = r->how.gc;
    struct gc_event event;
    if (!feed)
        return;
    while (feed->next(feed->arg, &event))
        gc_tally_add(&r->gc, &event);
    for (size_t i = 0; i < r->round.gone.n; i++) {
        struct process_id id = r->round.gone.at[i].process->id;
        feed->unwatch(feed->arg, id.pid);
        gc_tally_forget(&r->gc, id);
    }
    for (size_t i = 0; i < r->round.rows.n; i++)
        if (r->round.rows.at[i].came && feed->watch(feed->arg, &r->round.rows.at[i].process->id))
            gc_tally_watch(&r->gc, r->round.rows.at[i].process->id);
}

static int take(struct rounds *r, struct err *e) {
    int rc = sampler_take(r->how.sampler, &r->round, e);
    if (rc < 0)
        return rc;
    note_boot(r);
    follow_collections(r);
    post(r);
    return 0;
}

/* Until then, or until it is to stop: true. */
static bool wait_until(struct rounds *r, uint64_t until_ns) {
    struct timespec until = {(time_t)(until_ns / SECOND_NS), (long)(until_ns % SECOND_NS)};
    pthread_mutex_lock(&r->lock);
    int rc = 0;
    while (!r->stop && rc != ETIMEDOUT)
        rc = pthread_cond_clockwait(&r->changed, &r->lock, CLOCK_MONOTONIC, &until);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void *run(void *arg) {
    struct rounds *r = arg;
    uint64_t due = clock_ns();
    for (;;) {
        uint64_t now = clock_ns();
        due = due + r->how.every_ns > now ? due + r->how.every_ns : now + r->how.every_ns;
        if (wait_until(r, due))
            return NULL;
        struct err e = {0};
        if (take(r, &e) < 0) {
            r->failed++;
            board_fail(r->how.board, &e);
        }
    }
}

static void rounds_free(struct rounds *r) {
    sampler_round_done(&r->round);
    gc_tally_done(&r->gc);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int rounds_start(const struct rounds_how *how, struct rounds **ret, struct err *e) {
    struct rounds *r = mem_zalloc(sizeof *r);
    r->how = *how;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    int rc = take(r, e);
    if (rc == 0 && (rc = -pthread_create(&r->thread, NULL, run, r)) < 0)
        err_set(e, rc, NULL, "A thread cannot be made: %s.", strerror(-rc));
    if (rc < 0) {
        rounds_free(r);
        return rc;
    }
    *ret = r;
    return 0;
}

bool rounds_stop(struct rounds *r) {
    enum { PATIENCE_SECONDS = 2 };
    struct timespec until;
    if (!r)
        return true;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    if (pthread_timedjoin_np(r->thread, NULL, &until) != 0)
        return false;
    rounds_free(r);
    return true;
}
