/* A recording: samples of processes over time in one SQLite file, to be read while it is written,
 * and afterwards. record/writer.h writes it.
 *
 * Time. Everything has a time of the store: nanoseconds that only ever rise, whatever is done to
 * the wall clock meanwhile. They begin as what the wall clock said, and differ from it only where
 * it was set while recording; store_wall_ns() says by how much, and is what people are shown.
 * Milliseconds are kept.
 *
 * Detail. Samples as they were taken for an hour, sums of 10 seconds for a day, of a minute for 30
 * days. A reader gets the finest there is for each time, without overlap, and each point says what
 * it spans. The last minute of a process that ended is kept as it was taken.
 *
 * A store is a file like any other: nothing in it is trusted. A block that does not hold what it
 * must is left out and counted (`damaged`). Functions return 0 or a negative errno with the one
 * sentence in `e`: -EBADMSG the file is damaged, -ENOTSUP a newer memwhy wrote it, -ENOTDIR it is
 * none of ours, -ENODATA there is no such thing in it. One thread at a time. */
#ifndef MEMWHY_RECORD_STORE_H
#define MEMWHY_RECORD_STORE_H

#include "base/err.h"
#include "base/vec.h"
#include "model/sample.h"

enum { STORE_TIERS = 3 };
struct store_tier {
    uint64_t step_ns; /* of a point; 0: each sample as it was taken */
    uint64_t kept_ns;
};
extern const struct store_tier store_tiers[STORE_TIERS];

struct store;
int store_open(const char *path, struct store **ret, struct err *e);
void store_free(struct store *s);

/* True when the file begins as a recording does: to tell it from cores and snapshots. */
bool store_is_one(const char *path);

/* The first and the last round, times of the store. -ENODATA when there is none yet. */
int store_span(struct store *s, uint64_t *ret_from, uint64_t *ret_to, struct err *e);
/* What the wall clock said at that time of the store, and the other way about: the last such time,
 * where the clock was set back and said it twice. */
uint64_t store_wall_ns(const struct store *s, uint64_t time_ns);
uint64_t store_time_ns(const struct store *s, uint64_t wall_ns);

/* How memwhy was started, once for each time it was. */
struct store_recording {
    uint64_t from_ns, to_ns; /* of its rounds */
    uint64_t every_ns;       /* between two rounds, as was asked for */
    bool closed;             /* it ended by itself; else it was killed, or goes on */
    char version[24];        /* memwhy's */
    char *what;              /* what was recorded: its arguments, hostile */
};
struct store_recordings {
    VEC(struct store_recording) list;
};
int store_recordings(struct store *s, struct store_recordings *ret, struct err *e);
void store_recordings_done(struct store_recordings *r);

enum store_end {
    STORE_END_NONE,     /* it was there in the last round; or nobody saw it end */
    STORE_END_GONE,     /* it was gone */
    STORE_END_OOM_KILL, /* and its cgroup had counted an OOM kill */
    STORE_END_EXIT,     /* with `status`, which its parent was told */
    STORE_END_SIGNAL,   /* of the signal `status` */
};

struct store_process {
    uint64_t key; /* of this store, for what follows */
    struct process_id id;
    pid_t ppid;
    char name[64];
    char version[24];           /* of Node; "" unknown */
    char *command;              /* hostile, as is the cgroup: print through text_printable() */
    char *cgroup;               /* path; NULL unknown */
    char *no_v8;                /* why V8's counters could not be had; NULL: they could */
    uint64_t started_ns;        /* time of the store, perhaps before its first round; 0 unknown */
    uint64_t first_ns, last_ns; /* of its samples; older ones may have been dropped since */
    enum store_end end;
    int status;
    uint64_t oom_kills; /* counted in its cgroup within some seconds of its end */
};
struct store_processes {
    VEC(struct store_process) list;
};
/* All of them, in the order they were first seen. */
int store_processes(struct store *s, struct store_processes *ret, struct err *e);
void store_processes_done(struct store_processes *p);

/* A field over [time, time + span). Of what only rises (sample_field_info()->cumulative) all three
 * are the value at the last sample, at last_ns. */
struct store_point {
    uint64_t time_ns;
    uint64_t span_ns; /* 0: one sample */
    uint64_t last_ns; /* of the last sample, where that is known; else the end of the span */
    uint32_t samples; /* in which the field was known or not */
    uint64_t min, max, mean;
};
struct store_series {
    VEC(struct store_point) points; /* ascending by time; none where the field was unknown */
};
/* All points that have something of [from, to], for the fields whose bit is set: ret[f] is emptied
 * first and filled; others are not touched. `ret_damaged` counts blocks that were left out. */
int store_read(struct store *s, uint64_t process_key, uint64_t fields, uint64_t from, uint64_t to,
               struct store_series ret[SAMPLE_FIELDS], size_t *ret_damaged, struct err *e);
void store_series_done(struct store_series *r);

/* All fields of a process at a moment: the last point that begins at or before it, and at most a
 * minute before. Of a point that spans time the means. -ENODATA when there is none. */
int store_read_moment(struct store *s, uint64_t process_key, uint64_t time_ns, struct sample *ret,
                      uint64_t *ret_span_ns, struct err *e);

/* Collections: each one for an hour (`count` 1); older ones by process, minute and kind. */
struct store_gc {
    uint64_t process_key;
    uint64_t time_ns, span_ns; /* span 0: a single one */
    enum gc_kind kind;
    uint64_t isolate;   /* of a single one; 0 unknown */
    const char *reason; /* of a single one: the store's, until it is freed; NULL unknown */
    uint32_t count;
    uint64_t pause_ns;                  /* of all */
    uint64_t longest_ns;                /* of one */
    uint64_t before_bytes, after_bytes; /* of a single one, or of the last; 0 unknown */
    uint64_t freed_bytes;               /* by all of which both are known */
};
struct store_gcs {
    VEC(struct store_gc) list; /* ascending by time */
};
/* process_key 0: of all. */
int store_read_gcs(struct store *s, uint64_t process_key, uint64_t from, uint64_t to,
                   struct store_gcs *ret, size_t *ret_damaged, struct err *e);
void store_gcs_done(struct store_gcs *g);

/* When nothing was recorded, between the first round and the last. */
enum store_gap_why {
    STORE_GAP_STOPPED, /* memwhy had been ended */
    STORE_GAP_KILLED,  /* memwhy had been killed, or the machine went down */
    STORE_GAP_FULL,    /* it could not be written: the disk was full, or failed */
    STORE_GAP_LATE,    /* memwhy did not get to run, or the machine slept */
};
struct store_gap {
    uint64_t from_ns, to_ns; /* the last round before it, and the first after it */
    enum store_gap_why why;
};
struct store_gaps {
    VEC(struct store_gap) list; /* ascending */
};
int store_gaps(struct store *s, struct store_gaps *ret, struct err *e);
void store_gaps_done(struct store_gaps *g);
const char *store_gap_text(enum store_gap_why why); /* "memwhy was not running" */

/* What recording cost memwhy itself, minute by minute. */
struct store_cost {
    uint64_t time_ns;
    uint64_t span_ns;
    uint64_t cpu_ns;    /* of the whole process */
    uint64_t rss_bytes; /* at its end */
    uint64_t rounds;
    uint64_t longest_ns; /* of one round, CPU */
};
struct store_costs {
    VEC(struct store_cost) list;
};
int store_costs(struct store *s, uint64_t from, uint64_t to, struct store_costs *ret,
                struct err *e);
void store_costs_done(struct store_costs *c);

/* A look that stopped or copied its process, as JSON; kinds are those of collect/recorded.h. */
struct store_deep {
    uint64_t key;
    uint64_t process_key, time_ns;
    char kind[32];
    uint64_t packed_bytes;
};
struct store_deeps {
    VEC(struct store_deep) list; /* ascending by time */
};
/* process_key 0: of all; kind NULL: of all. */
int store_deeps(struct store *s, uint64_t process_key, const char *kind, uint64_t from, uint64_t to,
                struct store_deeps *ret, struct err *e);
void store_deeps_done(struct store_deeps *d);
/* Its text, which the caller frees; it ends in a NUL that is not counted. */
int store_read_deep(struct store *s, uint64_t key, char **ret, size_t *ret_n, struct err *e);

#endif
