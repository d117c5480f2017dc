#include "base/parallel.h"

#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_THREADS = 4 };

static long count_cpus(void) {
    return sysconf(_SC_NPROCESSORS_ONLN);
}

/* Of this one too. */
static void in_threads(size_t most, void *(*run)(void *), void *arg) {
    pthread_t threads[MAX_THREADS];
    bool made[MAX_THREADS] = {false};
    long cpus = count_cpus();
    for (size_t i = 1; i < MAX_THREADS && (long)i < cpus && i < most; i++)
        made[i] = pthread_create(&threads[i], NULL, run, arg) == 0;
    run(arg);
    for (size_t i = 1; i < MAX_THREADS; i++)
        if (made[i])
            pthread_join(threads[i], NULL);
}

/* --- in any order --- */

struct work {
    void (*one)(void *arg, size_t i);
    void *arg;
    size_t n;
    atomic_size_t next;
};

static void *run(void *arg) {
    struct work *w = arg;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n;)
        w->one(w->arg, i);
    return NULL;
}

void parallel_for(size_t n, void (*one)(void *arg, size_t i), void *arg) {
    struct work w = {.one = one, .arg = arg, .n = n};
    in_threads(n, run, &w);
}

/* --- in order --- */

struct line {
    void (*make)(void *arg, size_t i, size_t slot);
    bool (*take)(void *arg, size_t i, size_t slot);
    void *arg;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t n;            /* fewer when it was ended early */
    size_t begun, taken; /* pieces; those between have slots */
    bool is_made[PARALLEL_SLOTS];
    bool is_taking; /* somebody is */
};

static bool can_take(const struct line *l) {
    return !l->is_taking && l->taken < l->n && l->taken < l->begun &&
           l->is_made[l->taken % PARALLEL_SLOTS];
}

/* The lock is held at both ends. */
static void take_one(struct line *l) {
    size_t i = l->taken;
    l->is_taking = true;
    pthread_mutex_unlock(&l->lock);
    bool goes_on = l->take(l->arg, i, i % PARALLEL_SLOTS);
    pthread_mutex_lock(&l->lock);
    l->is_taking = false;
    l->is_made[i % PARALLEL_SLOTS] = false;
    l->taken++;
    if (!goes_on)
        l->n = l->taken;
}

static void make_one(struct line *l) {
    size_t i = l->begun++;
    pthread_mutex_unlock(&l->lock);
    l->make(l->arg, i, i % PARALLEL_SLOTS);
    pthread_mutex_lock(&l->lock);
    l->is_made[i % PARALLEL_SLOTS] = true;
}

/* What is left when all is begun is taken by those who are at it. */
static void *run_in_order(void *line) {
    struct line *l = line;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        if (can_take(l))
            take_one(l);
        else if (l->begun >= l->n)
            break;
        else if (l->begun - l->taken < PARALLEL_SLOTS)
            make_one(l);
        else {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

void parallel_in_order(size_t n, void (*make)(void *arg, size_t i, size_t slot),
                       bool (*take)(void *arg, size_t i, size_t slot), void *arg) {
    struct line l = {.make = make, .take = take, .arg = arg, .n = n};
    pthread_mutex_init(&l.lock, NULL);
    pthread_cond_init(&l.changed, NULL);
    in_threads(n, run_in_order, &l);
    pthread_cond_destroy(&l.changed);
    pthread_mutex_destroy(&l.lock);
}

/* --- ahead of one who takes --- */

struct parallel_ahead {
    void (*make)(void *arg, size_t i, size_t slot);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t n; /* fewer when it was ended early */
    size_t begun, taken;
    bool is_made[PARALLEL_SLOTS];
};

/* The piece taken last is still being used. */
static bool can_begin(const struct parallel_ahead *a) {
    return a->begun < a->n && a->begun - (a->taken ? a->taken - 1 : 0) < PARALLEL_SLOTS;
}

static void make_next(struct parallel_ahead *a) {
    size_t i = a->begun++;
    pthread_mutex_unlock(&a->lock);
    a->make(a->arg, i, i % PARALLEL_SLOTS);
    pthread_mutex_lock(&a->lock);
    a->is_made[i % PARALLEL_SLOTS] = true;
    pthread_cond_signal(&a->changed);
}

static void *run_ahead(void *ahead) {
    struct parallel_ahead *a = ahead;
    pthread_mutex_lock(&a->lock);
    while (a->begun < a->n)
        if (can_begin(a))
            make_next(a);
        else
            pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void free_ahead(struct parallel_ahead *a) {
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

struct parallel_ahead *parallel_ahead_new(size_t n, void (*make)(void *arg, size_t i, size_t slot),
                                          void *arg) {
    if (count_cpus() < 2)
        return NULL;
    struct parallel_ahead *a = mem_zalloc(sizeof *a);
    *a = (struct parallel_ahead){.make = make, .arg = arg, .n = n};
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (pthread_create(&a->thread, NULL, run_ahead, a) == 0)
        return a;
    free_ahead(a);
    return NULL;
}

/* Who would have to wait makes one himself. */
size_t parallel_ahead_take(struct parallel_ahead *a) {
    pthread_mutex_lock(&a->lock);
    size_t i = a->taken++, slot = i % PARALLEL_SLOTS;
    if (i)
        a->is_made[(i - 1) % PARALLEL_SLOTS] = false;
    pthread_cond_signal(&a->changed);
    while (!a->is_made[slot])
        if (can_begin(a))
            make_next(a);
        else
            pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    return slot;
}

void parallel_ahead_free(struct parallel_ahead *a) {
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->n = 0;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    free_ahead(a);
}
