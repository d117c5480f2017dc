#include "base/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum { MAX_THREADS = 4 };

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
    pthread_t threads[MAX_THREADS];
    bool made[MAX_THREADS] = {false};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    for (size_t i = 1; i < MAX_THREADS && (long)i < cpus && i < n; i++)
        made[i] = pthread_create(&threads[i], NULL, run, &w) == 0;
    run(&w);
    for (size_t i = 1; i < MAX_THREADS; i++)
        if (made[i])
            pthread_join(threads[i], NULL);
}
