/* Deep looks of a recording: each process that is recorded is looked at as a whole now and then,
 * one at a time, by a memwhy of its own, so that samples go on meanwhile and the recorder stays
 * small. */
#ifndef MEMWHY_CMD_RECORD_DEEP_H
#define MEMWHY_CMD_RECORD_DEEP_H

#include "base/vec.h"
#include "record/writer.h"

struct record_deep {
    uint64_t every_ns; /* 0: never */
    /* filled: */
    uint64_t taken, failed;
    char why[256]; /* of the last that failed: one sentence; "" */
    /* its own: */
    struct {
        VEC(struct record_due {
            struct process_id id;
            uint64_t at_ns;
        })
        list;
    } due;
    pid_t child; /* 0: none is under way */
    int out;     /* what it writes into */
    struct process_id of;
    uint64_t began_ns;
};

/* A process is recorded, or is not any more. */
void record_deep_came(struct record_deep *d, struct process_id id, uint64_t now_ns);
void record_deep_went(struct record_deep *d, struct process_id id);
/* Once a round, after it was written: takes what has been finished, begins what is due. Never
 * waits. What cannot be kept is a failure of the look, not of the recording. */
void record_deep_step(struct record_deep *d, struct writer *w, uint64_t now_ns);
/* Ends the look that is under way, if any. */
void record_deep_done(struct record_deep *d);

#endif
