#include "cmd/gc_watch.h"

#include "collect/runtime.h"
#include "kernel/process.h"
#include <errno.h>
#include <stdlib.h>

struct watched {
    struct process_id id;
    bool told; /* that it came */
};

struct gc_watch {
    struct runtimes *runtimes; /* all of Node; NULL: only those that were named */
    VEC(struct watched) list;
};

static bool is_there(const struct process_id *id) {
    struct process p;
    if (process_read("", id->pid, 0, &p) < 0)
        return false;
    bool same = p.started_ns == id->started_ns && p.state != 'Z';
    process_done(&p);
    return same;
}

static int add_named(struct run *r, struct gc_watch *w, const char *word) {
    struct process p;
    char *end;
    long pid = strtol(word, &end, 10);
    if (*end || end == word || pid <= 0 || pid > INT32_MAX)
        return err_set(&r->err, -EINVAL, "`memwhy ps --node` lists the processes there are.",
                       "%s is no process number.", word);
    if (process_read("", (pid_t)pid, 0, &p) < 0)
        return err_set(&r->err, -ESRCH, "`memwhy ps --node` lists the processes there are.",
                       "There is no process %ld.", pid);
    vec_push(&w->list, (struct watched){.id = {p.pid, p.started_ns}});
    process_done(&p);
    return 0;
}

int gc_watch_new(struct run *r, const char *const *pids, size_t n, struct gc_watch **ret) {
    struct gc_watch *w = mem_zalloc(sizeof *w);
    int rc = 0;
    if (n == 0)
        w->runtimes = runtimes_new();
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_named(r, w, pids[i]);
    if (rc < 0) {
        gc_watch_free(w);
        return rc;
    }
    *ret = w;
    return 0;
}

void gc_watch_free(struct gc_watch *w) {
    if (!w)
        return;
    runtimes_free(w->runtimes);
    vec_free(&w->list);
    free(w);
}

static bool is_listed(const struct gc_watch *w, const struct process *p) {
    for (size_t i = 0; i < w->list.n; i++)
        if (w->list.at[i].id.pid == p->pid && w->list.at[i].id.started_ns == p->started_ns)
            return true;
    return false;
}

static void look_for_more(struct gc_watch *w) {
    cleanup_free pid_t *pids = NULL;
    size_t n = 0;
    if (process_list("", &pids, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        struct process p;
        if (process_read("", pids[i], PROCESS_EXE | PROCESS_CMDLINE, &p) < 0)
            continue;
        if (!p.kernel_thread && p.state != 'Z' && !is_listed(w, &p) &&
            runtime_of(w->runtimes, "", &p).kind == RUNTIME_NODE)
            vec_push(&w->list, (struct watched){.id = {p.pid, p.started_ns}});
        process_done(&p);
    }
}

size_t gc_watch_look(struct gc_watch *w, const struct gc_watcher *to) {
    size_t kept = 0;
    if (w->runtimes)
        look_for_more(w);
    for (size_t i = 0; i < w->list.n; i++) {
        struct watched x = w->list.at[i];
        if (!is_there(&x.id)) {
            if (x.told)
                to->gone(to->ctx, &x.id);
            continue;
        }
        if (!x.told)
            to->came(to->ctx, &x.id);
        x.told = true;
        w->list.at[kept++] = x;
    }
    return w->list.n = kept;
}

void gc_watch_again(struct gc_watch *w) {
    for (size_t i = 0; i < w->list.n; i++)
        w->list.at[i].told = false;
}
