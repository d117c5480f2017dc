/* What a log means: what died of what, how sure that is, by which lines, what to do, and what the
 * log does not say. Pure: from the facts of crashlog.h. */
#ifndef MEMWHY_CRASHLOG_VERDICT_H
#define MEMWHY_CRASHLOG_VERDICT_H

#include "crashlog/crashlog.h"

enum verdict_how {
    HOW_HEAP_LIMIT,   /* V8 could make no room below its limit */
    HOW_ONE_BLOCK,    /* one block did not fit below it, though there was room */
    HOW_TOO_LARGE,    /* one array, string or table beyond what there can be */
    HOW_WORKER_LIMIT, /* a worker's own limit */
    HOW_SYSTEM,       /* the system gave no memory */
    HOW_CGROUP_KILL,  /* the kernel: the limit of a cgroup */
    HOW_HOST_KILL,    /* the kernel: the machine was full */
    HOW_KERNEL_KILL,  /* the kernel: whose limit is not known */
    HOW_OOM_DAEMON,   /* systemd-oomd, earlyoom */
    HOW_OOM_KILLED,   /* by Kubernetes' or docker's word */
    HOW_KILLED,       /* SIGKILL, 137: by whom is not known */
    HOW_ABORTED,      /* SIGABRT, 134: why is not known */
    HOW_STACK,        /* too deep a recursion */
    HOW_OTHER,        /* a fatal error about something else */
    HOW_ALIVE,        /* collections, and no death */
};
const char *verdict_how_name(enum verdict_how how); /* "heap-limit" */

enum limit_from { LIMIT_UNKNOWN, LIMIT_FLAG, LIMIT_REPORT, LIMIT_GUESSED };

struct verdict_cite {
    uint64_t line; /* 0: of no line alone */
    char *text;
};
struct verdict_advice {
    const char *class;    /* of CAUSES: "raise-limit-or-reduce-live-set" */
    char *text, *command; /* command may be NULL */
};

struct verdict {
    enum verdict_how how;
    const char *cause, *also; /* words of docs' causes; NULL: none fits, or unknown */
    const char *confidence;   /* "certain", "likely", "possible" */
    bool in_worker;
    char *who, *sentence;
    uint64_t line; /* that says it */
    VEC(struct verdict_cite) cites;
    VEC(struct verdict_advice) advices;
    VEC(char *) unknown;
    const struct crash_death *death;     /* NULL of a process that lives */
    const struct crash_process *process; /* NULL: no collections are known of it */
    const struct kernel_kill *kill;
    enum limit_from limit_from;
    double limit_mib;      /* of the old generation */
    double limit_most_mib; /* above 0: it is a range, from limit_mib to this */
    uint64_t limit_line;
    bool has_live;
    double live_mib, total_mib; /* after the last full collection; total 0: unknown */
    bool has_share, has_recent_share;
    double gc_share, recent_gc_share; /* 0..1, of the whole time seen and of the last collections */
    bool has_trend;
    struct trend trend;
    bool has_above;
    double above_since_ms; /* on the isolate's clock: live above 80 % of what it died with */
    char node_version[24]; /* "" unknown */
};

/* Everything that died, then (only when nothing did) the processes that collected. Empty: nothing
 * of this is in the log. */
struct verdicts {
    VEC(struct verdict) list;
    bool died;
};
void verdicts_make(const struct crashlog *c, struct verdicts *ret);
void verdicts_done(struct verdicts *v);

/* For the parts of it: */
void verdict_cite(struct verdict *v, uint64_t line, const char *text, ...)
    __attribute__((format(printf, 3, 4)));
void verdict_unknown(struct verdict *v, const char *text, ...)
    __attribute__((format(printf, 2, 3)));
void verdict_advise(struct verdict *v, const char *class, char *command, const char *text, ...)
    __attribute__((format(printf, 4, 5)));
/* What is known of a heap: sizes, series, shares, each with its line. */
void verdict_heap(const struct crashlog *c, struct verdict *v);
void verdict_kernel(const struct crashlog *c, struct verdict *v);
void verdict_report(const struct crashlog *c, struct verdict *v);
/* What to do, by all that was found. */
void verdict_advices(struct verdict *v);

#endif
