/* What is known of a process at one moment at next to no cost: counters that the kernel, V8 and
 * malloc keep anyhow. Plain data; recorded, drawn, exported and judged by the same names. */
#ifndef MEMWHY_MODEL_SAMPLE_H
#define MEMWHY_MODEL_SAMPLE_H

#include "model/v8_census.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Only append: stores keep these numbers. At most 64. */
enum sample_field {
    /* /proc/PID/status, statm: bytes */
    SAMPLE_RSS,
    SAMPLE_RSS_ANON,
    SAMPLE_RSS_FILE,
    SAMPLE_RSS_SHMEM,
    SAMPLE_SWAP,
    SAMPLE_VM_SIZE,
    SAMPLE_VM_DATA,
    SAMPLE_PAGE_TABLES,
    /* V8's own counters of the main isolate: bytes, as process.memoryUsage() and
     * v8.getHeapStatistics() give them */
    SAMPLE_HEAP_USED,
    SAMPLE_HEAP_TOTAL,
    SAMPLE_HEAP_LIMIT,
    SAMPLE_EXTERNAL, /* array buffers included */
    SAMPLE_ARRAY_BUFFERS,
    SAMPLE_NEW_USED,
    SAMPLE_OLD_USED, /* old, map, trusted and shared spaces */
    SAMPLE_CODE_USED,
    SAMPLE_LARGE_USED,        /* all large object spaces */
    SAMPLE_WORKERS,           /* how many isolates beside the main one */
    SAMPLE_WORKERS_HEAP_USED, /* all of theirs */
    SAMPLE_WORKERS_HEAP_TOTAL,
    /* malloc: bytes */
    SAMPLE_MALLOC_ARENAS, /* what arenas took from the kernel */
    SAMPLE_MALLOC_MAPPED, /* blocks with mappings of their own */
    /* collections since the process began: counts, and nanoseconds */
    SAMPLE_GC_MAJOR,
    SAMPLE_GC_MINOR,
    SAMPLE_GC_PAUSE_NS,   /* since it is being watched; only where events can be had */
    SAMPLE_LIVE_AFTER_GC, /* bytes: heap used after the last full collection */
    /* counts since the process began, and nanoseconds of CPU */
    SAMPLE_FAULTS_MINOR,
    SAMPLE_FAULTS_MAJOR,
    SAMPLE_CPU_USER_NS,
    SAMPLE_CPU_SYSTEM_NS,
    SAMPLE_SWITCHES_VOLUNTARY, /* of the main thread, which runs the event loop */
    SAMPLE_SWITCHES_FORCED,
    SAMPLE_THREADS, /* counts now */
    SAMPLE_FDS,
    /* its cgroup: bytes, counts, and nanoseconds */
    SAMPLE_CGROUP_CURRENT,
    SAMPLE_CGROUP_LIMIT, /* the effective one; unknown when there is none */
    SAMPLE_CGROUP_OOM_KILLS,
    SAMPLE_CGROUP_LIMIT_HITS,
    SAMPLE_PRESSURE_SOME_NS,
    SAMPLE_PRESSURE_FULL_NS,
    /* of V8's main isolate again: --max-old-space-size. heap_limit has room for the young
     * generation besides; a heap is full when the old one is. */
    SAMPLE_OLD_GENERATION_LIMIT,
    SAMPLE_FIELDS
};

enum sample_unit { SAMPLE_BYTES, SAMPLE_COUNT, SAMPLE_NS };

struct sample_field_info {
    const char *name;  /* "rss", "heap_used": in JSON, stores and rules; never changes */
    const char *title; /* for tables: "RSS", "heap used" */
    enum sample_unit unit;
    bool cumulative; /* only ever rises while the process lives: differences mean something */
};

const struct sample_field_info *sample_field_info(enum sample_field f);
/* By name; -1: there is none. */
int sample_field_find(const char *name);

struct sample_space {
    uint64_t used, total; /* bytes, as v8.getHeapSpaceStatistics() has them */
};

struct sample {
    uint64_t time_ns; /* since 1970, by the wall clock */
    uint64_t at_ns;   /* by the monotonic clock: of one boot, never set back */
    uint64_t value[SAMPLE_FIELDS];
    uint64_t known;                       /* bit f: value[f] is known */
    struct sample_space space[V8_SPACES]; /* of the main isolate */
    uint32_t known_spaces;                /* bit s */
};

/* False, and `ret` untouched, when it is unknown. */
bool sample_get(const struct sample *s, enum sample_field f, uint64_t *ret);
void sample_set(struct sample *s, enum sample_field f, uint64_t value);

/* One process over time: a pid is given again, not so with its start. */
struct process_id {
    pid_t pid;
    uint64_t started_ns; /* since boot */
};

enum gc_kind { GC_SCAVENGE, GC_MARK_COMPACT, GC_MINOR_MARK, GC_INCREMENTAL, GC_UNKNOWN, GC_KINDS };

/* One collection, as --trace-gc has one line for it. A mark-compact whose marking was done in steps
 * before is one event, with `steps_ns`. */
struct gc_event {
    struct process_id process;
    pid_t tid;        /* the thread that collected: the process's number means the main one */
    uint64_t time_ns; /* its beginning, since 1970 */
    uint64_t at_ns;   /* by the monotonic clock */
    uint64_t pause_ns;
    uint64_t isolate; /* address; 0 unknown */
    enum gc_kind kind;
    const char *reason;                                     /* V8's words, static; NULL unknown */
    uint64_t before_bytes, after_bytes;                     /* heap used; 0 unknown */
    uint64_t committed_before_bytes, committed_after_bytes; /* 0 unknown */
    bool reduces_memory; /* V8 gives back what it can, as it does when the program rests */
    uint64_t steps_ns;   /* steps of marking before the pause, all together; not part of it */
    uint32_t steps;      /* how many; 0: none, or unknown (V8 11.8 to 12.9) */
    /* Share of time left to the program ("mu"), 0 to 1: smoothed, and over the last cycle of
     * marking and compacting. */
    double utilization, utilization_last;
    bool has_utilization;
};
const char *gc_kind_name(enum gc_kind k); /* "scavenge", "mark-compact", ... */

#endif
