/* What the memory controller of a cgroup says: limits, what is charged, what happened, pressure.
 * Plain data, the same for v1 and v2. */
#ifndef MEMWHY_MODEL_CGROUP_H
#define MEMWHY_MODEL_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names are those of v2. Bytes, but for the events at the end, which are counts. */
enum cgroup_field {
    CGROUP_CURRENT,
    CGROUP_PEAK,
    CGROUP_SWAP_CURRENT,
    CGROUP_ANON, /* v1 calls it rss */
    CGROUP_FILE, /* page cache, tmpfs and shared memory included */
    CGROUP_SHMEM,
    CGROUP_KERNEL,
    CGROUP_KERNEL_STACK,
    CGROUP_PAGE_TABLES,
    CGROUP_PERCPU,
    CGROUP_SOCK,
    CGROUP_SLAB,
    CGROUP_SLAB_RECLAIMABLE,
    CGROUP_SLAB_UNRECLAIMABLE,
    CGROUP_FILE_MAPPED,
    CGROUP_FILE_DIRTY,
    CGROUP_FILE_WRITEBACK,
    CGROUP_ANON_HUGE,
    CGROUP_INACTIVE_ANON,
    CGROUP_ACTIVE_ANON,
    CGROUP_INACTIVE_FILE,
    CGROUP_ACTIVE_FILE,
    CGROUP_UNEVICTABLE,
    CGROUP_ZSWAP,
    /* counts */
    CGROUP_EVENTS_LOW,
    CGROUP_EVENTS_HIGH,
    CGROUP_EVENTS_MAX, /* in v1 failcnt: how often the limit was hit */
    CGROUP_EVENTS_OOM,
    CGROUP_EVENTS_OOM_KILL,
    CGROUP_MAJOR_FAULTS,
    CGROUP_REFAULTS_ANON,
    CGROUP_REFAULTS_FILE,
    CGROUP_FIELDS
};

/* A limit may be unknown, known to be none, or set. */
struct cgroup_limit {
    enum { CGROUP_LIMIT_UNKNOWN, CGROUP_LIMIT_NONE, CGROUP_LIMIT_SET } state;
    uint64_t bytes; /* when set */
};

/* Pressure stall information: the share of time in which some, or all, tasks waited for memory. */
struct pressure_line {
    bool known;
    double avg10_percent, avg60_percent, avg300_percent;
    uint64_t total_ns;
};
struct pressure {
    struct pressure_line some, full;
};

struct cgroup {
    int version; /* 1 or 2: of the hierarchy that accounts memory */
    char *path;  /* in that hierarchy, as /proc/PID/cgroup says it */
    char *dir;   /* where its files were read */
    uint64_t values[CGROUP_FIELDS];
    uint64_t known; /* bit f: values[f] was given */
    struct cgroup_limit max, high, swap_max;
    struct cgroup_limit effective_max; /* the least of max here and above */
    char *effective_path;              /* the directory that sets it; NULL when none does */
    bool ancestors_hidden; /* a container shows nothing above itself: others may limit */
    struct pressure pressure;
};

void cgroup_done(struct cgroup *c);
/* False, and `ret` untouched, when it is unknown. */
bool cgroup_get(const struct cgroup *c, enum cgroup_field field, uint64_t *ret);
/* What kubelet calls the working set: current without the inactive file cache. */
bool cgroup_working_set(const struct cgroup *c, uint64_t *ret);
/* "current", "oom_kill", ...: the stem of JSON names. */
const char *cgroup_field_name(enum cgroup_field field);
/* Bytes, or a count? */
bool cgroup_field_is_bytes(enum cgroup_field field);
/* A short name for people: the last part of the path, long container ids cut to 12 letters. The
 * caller frees it. */
char *cgroup_label(const char *path);
/* The long id of the container, which its runtime gave it, and the uid of its pod as Kubernetes
 * writes it. NULL: the path names none. The caller frees it. */
char *cgroup_container_id(const char *path);
char *cgroup_pod_uid(const char *path);

#endif
