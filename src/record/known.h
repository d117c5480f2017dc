/* The processes that are being recorded, as the writer remembers them. */
#ifndef MEMWHY_RECORD_KNOWN_H
#define MEMWHY_RECORD_KNOWN_H

#include "record/db.h"
#include "record/writer.h"

/* A counter of OOM kills as it was some seconds ago: the kernel counts a kill before its victim is
 * gone, so the sample before the last may have it already. */
struct oom_before {
    bool known;
    uint64_t time_ms, count;
};

struct known_process {
    uint64_t key;
    struct process_id id;
    pid_t ppid;
    char *name, *command, *version, *cgroup, *no_v8; /* NULL unknown */
    uint64_t began_ms;                               /* 0 unknown */
    uint64_t first_ms, last_ms;
    enum store_end end;
    int status;
    uint64_t oom_kills;
    struct oom_before older, newer, last;
    bool dirty; /* its row has to be written */
    bool gone;  /* and it is to be forgotten then */
};

struct known_processes {
    VEC(struct known_process *) list; /* ascending by pid and start */
};

/* NULL when it is not known. */
struct known_process *known_find(const struct known_processes *k, struct process_id id);
/* One that was not, and what the store has of it, should it have been recorded before. `key` is its
 * own if not. */
struct known_process *known_add(struct known_processes *k, struct db *d, const char *boot,
                                const struct writer_process *p, uint64_t key, uint64_t now_ms);
/* What is said of it now: a program that is another, V8's counters that were not there yet. */
void known_describe(struct known_process *k, const struct writer_process *p);
/* A sample of it was taken. */
void known_note_sample(struct known_process *p, const struct sample *s, uint64_t now_ms);
/* It is gone. */
void known_note_end(struct known_process *p, bool oom_kills_known, uint64_t oom_kills);
/* Its row; and of what ended, that its last minute is kept. */
int known_write(const struct known_process *p, struct db *d, const char *boot, struct err *e);
/* All that is dirty was written. */
void known_written(struct known_processes *k);
void known_done(struct known_processes *k);

#endif
