#include "cmd/look.h"

#include "base/progress.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* The collection is one call, so a thread of its own keeps the line alive. */
struct ticker {
    pthread_t thread;
    bool running;
    atomic_bool stop;
    struct progress line;
    char what[96];
};

static void *tick(void *arg) {
    struct ticker *t = arg;
    const struct timespec step = {0, 100000000};
    while (!atomic_load(&t->stop)) {
        nanosleep(&step, NULL);
        progress_say(&t->line, t->what, 0, 0);
    }
    progress_done(&t->line);
    return NULL;
}

static void ticker_start(struct ticker *t, bool on, const char *target) {
    t->line = progress_start(on);
    snprintf(t->what, sizeof t->what, "reading %.64s", target);
    t->running = on && pthread_create(&t->thread, NULL, tick, t) == 0;
}

static void ticker_stop(struct ticker *t) {
    if (!t->running)
        return;
    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
}

int look_at(struct run *r, const char *target, unsigned needs, struct evidence *ret) {
    struct ticker t = {0};
    ticker_start(&t, r->progress, target);
    int rc = collect(target, needs, ret, &r->err);
    ticker_stop(&t);
    return rc;
}
