/* The processes of this host, or of one container, each with what it is and what it uses. The cheap
 * view: nothing is stopped, and page tables are walked only where that is asked for or quick. */
#ifndef MEMWHY_COLLECT_PROCESSES_H
#define MEMWHY_COLLECT_PROCESSES_H

#include "base/err.h"
#include "collect/runtime.h"
#include "model/process.h"
#include "model/usage.h"

struct process_row {
    struct process process; /* all parts but PROCESS_FDS, PROCESS_OOM and PROCESS_THREADS */
    struct runtime runtime;
    struct usage usage; /* of smaps_rollup; nothing is known when that was not read */
    bool usage_denied;  /* the kernel did not let us */
    bool usage_skipped; /* over rollup_max_bytes */
    bool heap_known;    /* V8's; left to the caller, who may be able to read memory */
    uint64_t heap_used_bytes, heap_total_bytes;
};

struct process_query {
    const char *root;  /* as in kernel/procfs.h */
    pid_t container;   /* 0, or: only processes of this one's container */
    const pid_t *pids; /* only these, when n_pids > 0 */
    size_t n_pids;
    bool only_node;
    bool kernel_threads; /* them too */
    /* Do not read smaps_rollup of what has more RSS: it takes 15 ms per GB, and holds the target's
     * mmap lock meanwhile. Node is always worth it. */
    uint64_t rollup_max_bytes;
};

struct process_rows {
    struct process_row *at; /* ascending by pid */
    size_t n, cap;
};

/* Fails only when /proc itself or an asked-for process cannot be read; processes that end meanwhile
 * are left out. */
int processes_collect(const struct process_query *q, struct process_rows *ret, struct err *e);
void processes_done(struct process_rows *rows);

#endif
