/* The thread that takes samples, round after round, and posts each as text. */
#ifndef MEMWHY_SERVE_ROUNDS_H
#define MEMWHY_SERVE_ROUNDS_H

#include "base/err.h"
#include "collect/sampler.h"
#include "serve/board.h"

struct rounds_how {
    struct sampler *sampler; /* nobody else's until rounds_stop() */
    struct board *board;
    uint64_t every_ns;
    size_t max_processes;
};

struct rounds;

/* The first round is taken before this returns; that it fails is an error. */
int rounds_start(const struct rounds_how *how, struct rounds **ret, struct err *e);
/* False: a round is under way that does not end, and what it uses must be left alone. */
bool rounds_stop(struct rounds *r);

#endif
