/* Samples of many processes, again and again, at a cost that may be paid every second: reads no
 * smaps, walks no page table, stops nobody. Processes come and go between two rounds. */
#ifndef MEMWHY_COLLECT_SAMPLER_H
#define MEMWHY_COLLECT_SAMPLER_H

#include "base/err.h"
#include "base/vec.h"
#include "model/sample.h"

struct sampler;

struct sampler_query {
    const char *root;  /* as in kernel/procfs.h */
    const pid_t *pids; /* only these, when n_pids > 0; else all Node processes that can be seen */
    size_t n_pids;
    const char *cgroup; /* only what is in this memory cgroup or below it; NULL: wherever */
    pid_t container;    /* 0, or: only processes of this one's container */
};

/* What is known of a process from when it was first seen on. */
struct sampled_process {
    struct process_id id;
    pid_t ppid;
    char name[64];
    char *command;          /* hostile: print through text_printable() */
    char *cgroup;           /* path; NULL unknown */
    char version[24];       /* of Node: "24.21.0"; "" unknown */
    uint64_t first_seen_ns; /* since 1970 */
    const char *no_v8; /* why V8's counters cannot be had: one sentence, static; NULL: they can */
};

struct sampler_row {
    const struct sampled_process *process; /* the sampler's; until the next round */
    struct sample sample;
    bool came; /* it was not there in the round before */
};

struct sampler_gone {
    struct sampled_process *process; /* until the next round */
    struct sample last;
};

/* The cost of all rounds so far, memwhy's own. */
struct sampler_cost {
    uint64_t rounds, cpu_ns, longest_ns;
};

struct sampler_round {
    uint64_t time_ns, at_ns;
    VEC(struct sampler_row) rows;  /* ascending by pid */
    VEC(struct sampler_gone) gone; /* were there in the round before */
};

/* -ESRCH when an asked-for process is not there. */
int sampler_new(const struct sampler_query *q, struct sampler **ret, struct err *e);
/* One round; `ret` is emptied first and keeps its memory from round to round. Waits for no process:
 * what cannot be read within a few milliseconds (a heap in the middle of a collection) is unknown.
 * A sample's own time is that at which its heap was read. */
int sampler_take(struct sampler *s, struct sampler_round *ret, struct err *e);
void sampler_cost(const struct sampler *s, struct sampler_cost *ret);
void sampler_round_done(struct sampler_round *r);
void sampler_free(struct sampler *s);

#endif
