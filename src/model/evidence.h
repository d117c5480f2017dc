/* Everything one look at a target gave, as plain data: what rules judge and reports print. A part
 * that was not asked for or could not be had is absent, and `notes` say why. */
#ifndef MEMWHY_MODEL_EVIDENCE_H
#define MEMWHY_MODEL_EVIDENCE_H

#include "base/fields.h"
#include "model/account.h"
#include "model/cgroup.h"
#include "model/cpus.h"
#include "model/flags.h"
#include "model/lost.h"
#include "model/malloc_census.h"
#include "model/process.h"
#include "model/region.h"
#include "model/residency.h"
#include "model/stack.h"
#include "model/suspect.h"
#include "model/trend.h"
#include "model/usage.h"
#include "model/uv_census.h"
#include "model/v8_census.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum evidence_engine { ENGINE_UNKNOWN, ENGINE_NONE, ENGINE_V8 };

struct evidence_target {
    const char *kind; /* "stopped", "frozen", "live", "core" */
    pid_t pid;        /* 0 unknown */
    char *exe;        /* NULL unknown */
    enum evidence_engine engine;
    uint32_t threads;
};

struct evidence_cost {
    uint64_t pause_ns;      /* the target stood still, all stops together */
    uint64_t longest_ns;    /* the longest of them */
    uint64_t reap_ns;       /* frozen: the pause in which the copy was reaped; in pause_ns too */
    uint64_t extra_bytes;   /* frozen: what the target was charged for the copy while it lived */
    const char *freeze;     /* "fork", "stop"; NULL: it could not move */
    char *not_forked;       /* why it was stopped although it might have been forked; NULL */
    uint32_t stops;         /* how often it was stopped: again when V8 was collecting */
    uint64_t took_ns;       /* memwhy's own time */
    uint64_t own_rss_bytes; /* memwhy's own peak */
};

struct evidence_thread {
    pid_t tid;
    char name[16];
};

struct evidence_neighbour { /* another process of the same container */
    pid_t pid;
    char name[64];
    uint64_t rss_bytes;
};

/* How busy it was while it was looked at, but for the pause. */
struct evidence_activity {
    bool is_known;
    double main_thread; /* share of the time in which its main thread ran: 0 to 1 */
};

struct evidence {
    struct evidence_target target;
    struct evidence_cost cost;
    struct evidence_activity activity;
    VEC(char *) notes; /* coverage: what is not known, or is only estimated */

    struct region_list regions; /* as of the stop */
    struct residency residency;
    bool has_residency;
    VEC(struct evidence_thread) threads;

    bool has_v8;
    struct v8_census v8;
    bool has_suspects;
    struct suspects suspects; /* of all isolates; with v8.has_liveness */
    bool has_flags;
    struct flag_list flags; /* V8's */
    bool has_malloc;
    struct malloc_census malloc;
    struct lost_native lost;
    struct stacks stacks; /* of all threads; empty if not asked for */
    bool has_uv;
    struct uv_census uv; /* of no loop, when there is no libuv */
    bool has_account;
    struct account account;

    struct usage *usages; /* smaps, by index of usage_regions; NULL if not asked for */
    struct region_list usage_regions;
    bool has_process;
    struct process process;
    bool has_cgroup;
    struct cgroup cgroup;
    bool has_cpus;
    struct cpus cpus;
    VEC(struct evidence_neighbour) neighbours; /* largest first, without the target */
    struct field_texts texts;                  /* of evidence that was kept: what others point to */
    struct trends trends; /* of the time before this look; empty when nobody watched */
};

void evidence_done(struct evidence *ev);
void evidence_note(struct evidence *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
