/* The watching: samples, judgements, alarms and their actions, until it is over. */
#ifndef MEMWHY_CMD_WATCH_LOOP_H
#define MEMWHY_CMD_WATCH_LOOP_H

#include "cmd/cmd.h"
#include "collect/sampler.h"
#include "watch/rule.h"
#include <stdatomic.h>

struct watch_how {
    const struct watch_rules *rules;
    struct sampler_query who;
    uint64_t every_ns;
    uint64_t for_ns; /* 0: until it is told to end, or nothing is left to watch */
    bool dry;        /* say what would be done */
    bool exit_on_alarm;
    const atomic_bool *stop;
};

/* 1 when a rule fired, 0 when none did, or a negative errno where it could not begin. */
int watch_loop(struct run *r, const struct watch_how *how);

#endif
