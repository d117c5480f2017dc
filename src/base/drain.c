#include "base/drain.h"

#include "base/parallel.h"
#include "base/vec.h"
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum {
    SHARE = 32, /* a thread shares half of what it has when that is more, and another has nothing */
    SHARE_MOST = 1 << 20, /* at a time: it is copied, and takes memory twice */
    LOOK_UP = 256,        /* so often it looks whether one has */
    AHEAD = 16,           /* things asked for before they are needed: each is a miss of the cache */
};

struct drain {
    const struct drain_work *w;
    unsigned hungry; /* threads that wait; read without the lock, as a hint */

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t more;
    struct drain_list *shared; /* anybody's */
    unsigned busy;             /* threads that may still find something */
};

/* Of the older half: nearer to the roots, so that more hangs on it. The youngest take its place. */
static void share(struct drain *d, struct drain_list *own) {
    size_t n = own->n / 2 < SHARE_MOST ? own->n / 2 : SHARE_MOST;
    pthread_mutex_lock(&d->lock);
    vec_reserve(d->shared, d->shared->n + n);
    memcpy(d->shared->at + d->shared->n, own->at, n * sizeof *own->at);
    d->shared->n += n;
    pthread_cond_broadcast(&d->more);
    pthread_mutex_unlock(&d->lock);
    own->n -= n;
    memcpy(own->at, own->at + own->n, n * sizeof *own->at);
}

/* Half of what is shared; false when nothing is and nobody can find more. The caller is not busy
 * before, and is after true. */
static bool take(struct drain *d, struct drain_list *own) {
    pthread_mutex_lock(&d->lock);
    while (!d->shared->n && d->busy) {
        __atomic_fetch_add(&d->hungry, 1, __ATOMIC_RELAXED);
        pthread_cond_wait(&d->more, &d->lock);
        __atomic_fetch_sub(&d->hungry, 1, __ATOMIC_RELAXED);
    }
    size_t n = (d->shared->n + 1) / 2;
    if (n) {
        vec_reserve(own, n);
        memcpy(own->at, d->shared->at + d->shared->n - n, n * sizeof *own->at);
        d->shared->n -= n;
        own->n = n;
        d->busy++;
    }
    pthread_mutex_unlock(&d->lock);
    return n != 0;
}

/* The last one to rest ends the waiting of the others. */
static void rest(struct drain *d) {
    pthread_mutex_lock(&d->lock);
    if (!--d->busy)
        pthread_cond_broadcast(&d->more);
    pthread_mutex_unlock(&d->lock);
}

/* Some of one's own, a few of them in hand at a time; those go back at the end. */
static void do_some(const struct drain_work *w, size_t worker, struct drain_list *own) {
    uint32_t hand[AHEAD] = {0};
    unsigned at = 0, n = 0;
    for (int i = 0; i < LOOK_UP && (own->n || n); i++, at++, n--) {
        for (; n < AHEAD && own->n; n++) {
            uint32_t thing = hand[(at + n) % AHEAD] = own->at[--own->n];
            if (w->soon)
                w->soon(w->arg, thing);
        }
        w->one(w->arg, worker, hand[at % AHEAD], own);
    }
    while (n--)
        vec_push(own, hand[(at + n) % AHEAD]);
}

static void work(void *arg, size_t worker) {
    struct drain *d = arg;
    struct drain_list own = {0};
    while (take(d, &own)) {
        while (own.n) {
            do_some(d->w, worker, &own);
            if (own.n > SHARE && __atomic_load_n(&d->hungry, __ATOMIC_RELAXED))
                share(d, &own);
        }
        rest(d);
    }
    vec_free(&own);
}

void drain(struct drain_list *first, const struct drain_work *w) {
    struct drain d = {.w = w, .shared = first};
    pthread_mutex_init(&d.lock, NULL);
    pthread_cond_init(&d.more, NULL);
    parallel_for(w->threads && w->threads < DRAIN_WORKERS ? w->threads : DRAIN_WORKERS, work, &d);
    pthread_mutex_destroy(&d.lock);
    pthread_cond_destroy(&d.more);
}
