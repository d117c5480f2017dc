#include "collect/sampler_scan.h"
#include "base/search.h"
#include "kernel/pid_list.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    PARTS = PROCESS_STATUS | PROCESS_CMDLINE | PROCESS_EXE | PROCESS_NAMESPACES | PROCESS_CGROUP
};

/* An entrypoint may become Node after minutes; to ask takes 5 us. Where its executable may not be
 * seen a look takes more, and less can be had of it. */
static const uint64_t first_interval_ns = 500u * 1000000u, last_interval_ns = 8u * 1000000000ull,
                      unseen_interval_ns = 60u * 1000000000ull, never_ns = UINT64_MAX;

struct seen {
    pid_t pid;
    uint64_t inode;              /* of its directory in /proc; 0: not listed */
    uint64_t exe_dev, exe_inode; /* 0, 0: not known */
    uint64_t next_ns, interval_ns;
    bool told; /* the seer was told of it */
};

struct sampler_scan {
    char *root, *cgroup;
    VEC(pid_t) pids;   /* ascending; asked for */
    struct process of; /* one in the container that is asked for */
    bool has_container;
    struct runtimes *runtimes;
    struct pid_list list;
    VEC(struct seen) seen[2]; /* ascending by pid: of this update, and of the one before */
    int now;                  /* which of them is which */
};

static int by_pid(const void *a, const void *b) {
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

static int no_such(pid_t pid, struct err *e) {
    return err_set(e, -ESRCH, "memwhy ps lists the processes there are.", "There is no process %d.",
                   (int)pid);
}

int sampler_scan_new(const struct sampler_query *q, struct sampler_scan **ret, struct err *e) {
    struct process of = {0}, p;
    for (size_t i = 0; i < q->n_pids; i++) {
        if (process_read(q->root, q->pids[i], 0, &p) < 0)
            return no_such(q->pids[i], e);
        process_done(&p);
    }
    if (q->container &&
        process_read(q->root, q->container, PROCESS_NAMESPACES | PROCESS_CGROUP, &of) < 0)
        return no_such(q->container, e);
    struct sampler_scan *s = mem_zalloc(sizeof *s);
    int r = q->n_pids ? 0 : pid_list_open(q->root, &s->list);
    if (r < 0) {
        process_done(&of);
        free(s);
        return err_set(e, r, "", "/proc cannot be read: %s.", strerror(-r));
    }
    s->root = mem_strdup(q->root);
    s->cgroup = q->cgroup ? mem_strdup(q->cgroup) : NULL;
    s->of = of;
    s->has_container = q->container;
    s->runtimes = runtimes_new();
    for (size_t i = 0; i < q->n_pids; i++)
        vec_push(&s->pids, q->pids[i]);
    vec_sort(&s->pids, by_pid);
    *ret = s;
    return 0;
}

/* The same program as at the last look? */
static bool same_exe(const struct sampler_scan *s, const struct seen *n) {
    char path[4200];
    struct stat st;
    if (!n->exe_inode ||
        snprintf(path, sizeof path, "%s/proc/%d/exe", s->root, (int)n->pid) >= (int)sizeof path ||
        stat(path, &st) < 0)
        return false;
    return st.st_dev == n->exe_dev && st.st_ino == n->exe_inode;
}

/* A child before it becomes a program of its own, or memwhy's frozen copy of a process: a fork has
 * one thread, while Node starts some before anything else. */
static bool is_copy(const struct process *p) {
    return p->n_threads < 2;
}

static bool is_wanted(const struct sampler_scan *s, const struct process *p,
                      const struct runtime *r) {
    if (s->cgroup && !process_below_cgroup(p, s->cgroup))
        return false;
    if (s->has_container && !process_same_container(p, &s->of))
        return false;
    return s->pids.n || r->kind == RUNTIME_NODE;
}

static void postpone(struct seen *n, uint64_t now) {
    n->interval_ns = n->interval_ns ? n->interval_ns * 2 : first_interval_ns;
    if (n->interval_ns > last_interval_ns)
        n->interval_ns = last_interval_ns;
    n->next_ns = now + n->interval_ns;
}

static void look(struct sampler_scan *s, struct seen *n, uint64_t now,
                 const struct sampler_seer *seer) {
    struct process p;
    if (same_exe(s, n)) {
        postpone(n, now);
        return;
    }
    if (process_read(s->root, n->pid, PARTS, &p) < 0)
        return; /* gone since: the list will say so */
    struct runtime r = {0};
    if (!p.kernel_thread && p.state != 'Z' && p.state != 'X')
        r = runtime_of(s->runtimes, s->root, &p);
    bool wanted = is_wanted(s, &p, &r);
    if (wanted && !s->pids.n && !n->told && is_copy(&p)) {
        n->next_ns = now;
    } else {
        n->exe_dev = p.exe_dev;
        n->exe_inode = p.exe_inode;
        n->interval_ns = 0;
        postpone(n, now);
        if (p.kernel_thread)
            n->next_ns = never_ns;
        else if (!p.exe_inode)
            n->next_ns = now + unseen_interval_ns;
        if (wanted || n->told)
            seer->see(seer->arg, &p, &r, wanted);
        n->told = wanted;
    }
    process_done(&p);
}

/* The entry of a pid from the update before; both lists ascend. */
static struct seen carry(const struct sampler_scan *s, size_t *at, const struct pid_entry *e) {
    const struct seen *before = s->seen[!s->now].at;
    size_t n = s->seen[!s->now].n;
    while (*at < n && before[*at].pid < e->pid)
        ++*at;
    bool same_pid = *at < n && before[*at].pid == e->pid;
    if (same_pid && before[*at].inode == e->inode)
        return before[*at];
    /* New; or another process with this pid, or the same whose entry the kernel had dropped. */
    return (struct seen){.pid = e->pid, .inode = e->inode, .told = same_pid && before[*at].told};
}

int sampler_scan_update(struct sampler_scan *s, uint64_t now_ns, const struct sampler_seer *seer) {
    size_t at = 0, n = s->pids.n;
    if (!n) {
        int r = pid_list_read(&s->list);
        if (r < 0)
            return r;
        n = s->list.list.n;
    }
    s->now = !s->now;
    s->seen[s->now].n = 0;
    for (size_t i = 0; i < n; i++) {
        struct pid_entry e = s->pids.n ? (struct pid_entry){s->pids.at[i], 0} : s->list.list.at[i];
        struct seen entry = carry(s, &at, &e);
        if (entry.next_ns <= now_ns)
            look(s, &entry, now_ns, seer);
        vec_push(&s->seen[s->now], entry);
    }
    return 0;
}

void sampler_scan_hurry(struct sampler_scan *s, pid_t pid) {
    struct seen *at = s->seen[s->now].at;
    size_t n = s->seen[s->now].n, i = first_where(n, k, at[k].pid >= pid);
    if (i < n && at[i].pid == pid)
        at[i].next_ns = 0;
}

const char *sampler_scan_root(const struct sampler_scan *s) {
    return s->root;
}

void sampler_scan_free(struct sampler_scan *s) {
    if (!s)
        return;
    free(s->root);
    free(s->cgroup);
    vec_free(&s->pids);
    process_done(&s->of);
    runtimes_free(s->runtimes);
    pid_list_close(&s->list);
    vec_free(&s->seen[0]);
    vec_free(&s->seen[1]);
    free(s);
}
