/* Round after round into a recording, until it is to end. */
#ifndef MEMWHY_CMD_RECORD_LOOP_H
#define MEMWHY_CMD_RECORD_LOOP_H

#include "base/progress.h"
#include "cmd/record_child.h"
#include "cmd/record_deep.h"
#include "cmd/record_gcs.h"
#include "cmd/record_oom.h"
#include "collect/sampler.h"
#include "record/writer.h"
#include <stdatomic.h>

enum record_stop {
    RECORD_STOP_NONE,
    RECORD_STOP_INTERRUPTED,
    RECORD_STOP_TIME,    /* --for is over */
    RECORD_STOP_GONE,    /* all that was asked for is gone */
    RECORD_STOP_COMMAND, /* the command has ended */
};

struct record_loop {
    struct sampler *sampler;
    struct writer *writer;
    const char *path;
    uint64_t every_ns, for_ns; /* for_ns 0: without end */
    bool ends_with_targets;    /* they were named */
    const atomic_bool *interrupted;
    struct record_child child;
    struct record_deep deep;
    struct progress line;
    struct record_gcs gcs;
    /* filled: */
    enum record_stop stop;
    uint64_t began_ns, ended_ns; /* by the monotonic clock */
    size_t running;              /* processes in the last round */
    uint64_t longest_ns;         /* CPU of a round */
    uint64_t cpu_ns;             /* of memwhy, since it was started */
    bool failing;                /* the last round could not be written */
    /* its own: */
    struct sampler_round round;
    struct record_oom oom;
    struct {
        VEC(struct process_id) list;
    } family; /* the child's, as far as it was recorded */
};

/* 0, or what went wrong; `l->stop` says why it ended. */
int record_loop_run(struct record_loop *l, struct err *e);
void record_loop_done(struct record_loop *l);

#endif
