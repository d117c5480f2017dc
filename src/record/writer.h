/* Writes a recording (record/store.h): one round of samples at a time, each in one transaction, so
 * that whatever kills memwhy takes the last round at most.
 *
 * The clock is in what it is given: a round has its times, and nothing here asks for another.
 *
 * When it cannot be written (the disk is full, the file system fails), rounds are kept in memory,
 * the last LIMIT_RECORD_HELD of them, and written with the first one that can be; what did not fit
 * is a gap of the store. */
#ifndef MEMWHY_RECORD_WRITER_H
#define MEMWHY_RECORD_WRITER_H

#include "record/store.h"

struct writer;

struct writer_how {
    const char *path;
    const char *boot;   /* the kernel's boot_id: a pid and its start mean one process within it */
    const char *what;   /* what is recorded, in words: kept in the store */
    uint64_t every_ns;  /* between two rounds */
    uint64_t max_bytes; /* of the file; what is oldest goes first. 0: as the tiers bound it */
    uint64_t time_ns, at_ns; /* now: since 1970, and by the monotonic clock */
};

/* A new store, mode 0600, or one of ours, which is gone on with. -EEXIST: it is a file of another
 * kind; -EBUSY: another memwhy is recording into it. */
int writer_open(const struct writer_how *how, struct writer **ret, struct err *e);

/* What is known of a process; it may become more, or another program. */
struct writer_process {
    struct process_id id;
    pid_t ppid;
    const char *name, *command, *version, *cgroup, *no_v8; /* NULL unknown */
    uint64_t age_ns;                                       /* since it was started; 0 unknown */
};

/* A round is begun, filled in any order, and written. -EINVAL: it is before the one before. */
int writer_begin(struct writer *w, uint64_t time_ns, uint64_t at_ns, struct err *e);
void writer_sample(struct writer *w, const struct writer_process *p, const struct sample *s);
/* It is not there any more. `oom_kills`: what its cgroup has counted by now, where that is known.
 */
void writer_gone(struct writer *w, struct process_id id, bool oom_kills_known, uint64_t oom_kills);
/* How it ended, where its parent was told; before or after writer_gone(). */
void writer_ended(struct writer *w, struct process_id id, enum store_end end, int status);
/* A collection in a process that has been sampled; others are ignored. */
void writer_gc(struct writer *w, const struct gc_event *event);
/* 0: it is on its way to the disk. -EAGAIN: not now, `e` says why; it is held and tried again with
 * the next. Anything else is the end: the store can be written no more. */
int writer_commit(struct writer *w, struct err *e);

/* A deep look, at the time of the round before; compressed here. */
int writer_deep(struct writer *w, struct process_id id, const char *kind, const char *json,
                size_t n, struct err *e);
/* What memwhy has used since it began, and for this round alone; kept once a minute. */
void writer_cost(struct writer *w, uint64_t cpu_ns, uint64_t rss_bytes, uint64_t round_cpu_ns);

struct writer_state {
    uint64_t rounds, samples, processes, gcs; /* of this recording so far, written */
    size_t held;                              /* rounds in memory */
    uint64_t lost;                            /* rounds that are in no store */
    uint64_t bytes;                           /* of the file, as SQLite counts it */
    uint64_t damaged; /* blocks of the store that could not be read, and so not summed up */
};
void writer_state(const struct writer *w, struct writer_state *ret);

/* Writes what is held, and that the recording ended. The writer is gone after it, also when it
 * fails: -EAGAIN, when rounds were lost. NULL is fine. */
int writer_close(struct writer *w, struct err *e);

#endif
