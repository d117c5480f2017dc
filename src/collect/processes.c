#include "collect/processes.h"
#include "base/vec.h"
#include "kernel/process.h"
#include "kernel/smaps.h"
#include <errno.h>
#include <string.h>

enum {
    PARTS = PROCESS_STATUS | PROCESS_CMDLINE | PROCESS_EXE | PROCESS_NAMESPACES | PROCESS_CGROUP
};

static void read_usage(const struct process_query *q, struct process_row *row) {
    uint64_t rss;
    if (!process_size_get(&row->process, PROCESS_RSS, &rss))
        return; /* a kernel thread or a zombie */
    row->usage_skipped = rss > q->rollup_max_bytes && row->runtime.kind != RUNTIME_NODE;
    if (row->usage_skipped)
        return;
    int r = smaps_rollup_read(q->root, row->process.pid, &row->usage);
    row->usage_denied = r == -EACCES || r == -EPERM;
}

static bool is_wanted(const struct process_query *q, const struct process *p,
                      const struct process *of) {
    if (p->kernel_thread && !q->kernel_threads && !q->n_pids)
        return false;
    return !of || process_same_container(p, of);
}

static void add_row(const struct process_query *q, pid_t pid, const struct process *of,
                    struct runtimes *runtimes, struct process_rows *rows) {
    struct process_row row = {0};
    if (process_read(q->root, pid, PARTS, &row.process) < 0)
        return; /* it has ended since it was listed */
    if (is_wanted(q, &row.process, of)) {
        row.runtime = runtime_of(runtimes, q->root, &row.process);
        if (!q->only_node || row.runtime.kind == RUNTIME_NODE) {
            read_usage(q, &row);
            vec_push(rows, row);
            return;
        }
    }
    process_done(&row.process);
}

static int explain(pid_t pid, int error, struct err *e) {
    if (error == -ESRCH || error == -ENOENT)
        return err_set(e, -ESRCH, "memwhy ps lists the processes there are.",
                       "There is no process %d.", (int)pid);
    return err_set(e, error, "", "Process %d cannot be read: %s.", (int)pid, strerror(-error));
}

/* The pids to look at; the caller frees them. */
static int choose_pids(const struct process_query *q, pid_t **ret, size_t *ret_n, struct err *e) {
    if (!q->n_pids) {
        int r = process_list(q->root, ret, ret_n);
        return r < 0 ? err_set(e, r, "", "/proc cannot be read: %s.", strerror(-r)) : 0;
    }
    for (size_t i = 0; i < q->n_pids; i++) {
        struct process p;
        int r = process_read(q->root, q->pids[i], 0, &p);
        if (r < 0)
            return explain(q->pids[i], r, e);
        process_done(&p);
    }
    *ret = mem_alloc(q->n_pids * sizeof **ret);
    memcpy(*ret, q->pids, q->n_pids * sizeof **ret);
    *ret_n = q->n_pids;
    return 0;
}

int processes_collect(const struct process_query *q, struct process_rows *ret, struct err *e) {
    struct process of = {0};
    cleanup_free pid_t *pids = NULL;
    size_t n;
    int r = choose_pids(q, &pids, &n, e);
    if (r < 0)
        return r;
    if (q->container) {
        r = process_read(q->root, q->container, PROCESS_NAMESPACES | PROCESS_CGROUP, &of);
        if (r < 0)
            return explain(q->container, r, e);
    }
    struct runtimes *runtimes = runtimes_new();
    struct process_rows rows = {0};
    for (size_t i = 0; i < n; i++)
        add_row(q, pids[i], q->container ? &of : NULL, runtimes, &rows);
    runtimes_free(runtimes);
    process_done(&of);
    *ret = rows;
    return 0;
}

void processes_done(struct process_rows *rows) {
    for (size_t i = 0; i < rows->n; i++)
        process_done(&rows->at[i].process);
    vec_free(rows);
}
