/* The thread that takes samples, round after round, and posts each as text. */
#ifndef MEMWHY_SERVE_ROUNDS_H
#define MEMWHY_SERVE_ROUNDS_H

#include "base/err.h"
#include "collect/sampler.h"
#include "serve/board.h"

/* Where collections of processes are told, as trace/ tells them. */
struct gc_feed {
    void *arg;
    bool (*watch)(void *arg, const struct process_id *id); /* false: of this one none are told */
    void (*unwatch)(void *arg, pid_t pid);
    bool (*next)(void *arg, struct gc_event *ret); /* false: no more for now; never waits */
    uint64_t (*lost)(void *arg);                   /* how many happened and are not told */
};

struct rounds_how {
    struct sampler *sampler; /* nobody else's until rounds_stop() */
    struct board *board;
    const struct gc_feed *gc; /* NULL: collections cannot be seen */
    uint64_t every_ns;
    size_t max_processes;
};

struct rounds;

/* The first round is taken before this returns; that it fails is an error. */
int rounds_start(const struct rounds_how *how, struct rounds **ret, struct err *e);
/* False: a round is under way that does not end, and what it uses must be left alone. */
bool rounds_stop(struct rounds *r);

#endif
