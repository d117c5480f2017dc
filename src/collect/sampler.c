#include "collect/sampler.h"

#include "base/clock.h"
#include "base/search.h"
#include "collect/sampler_cgroups.h"
#include "collect/sampler_heaps.h"
#include "collect/sampler_scan.h"
#include "kernel/process.h"
#include "kernel/process_sample.h"
#include <errno.h>
#include <string.h>
#include <time.h>

enum {
    KEEP_OPEN_MAX = 200,  /* of 1,024 descriptors that most may have, 3 for each process */
    COUNT_FDS_EVERY = 15, /* rounds, where the kernel does not tell them at once */
};

struct watched {
    struct sampled_process process;
    uint64_t exe_dev, exe_inode;
    struct process_files files;
    struct sampled_cgroup *cgroup; /* NULL: not to be seen */
    struct sampled_heap *heap;
    struct sample last;
    bool reported; /* in a round */
    bool again;    /* its heap was changing */
    bool ended;
};

struct sampler {
    struct sampler_scan *scan;
    struct sampler_cgroups cgroups;
    struct sampler_heaps *heaps;
    VEC(struct watched *) watched; /* ascending by pid */
    VEC(struct watched *) gone;    /* in the last round; freed by the next */
    uint64_t time_ns;              /* of the round under way */
    struct sampler_cost cost;
};

static uint64_t wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void watched_free(struct watched *w) {
    process_files_close(&w->files);
    sampled_heap_free(w->heap);
    free(w->process.command);
    free(w->process.cgroup);
    free(w);
}

static void forget_gone(struct sampler *s) {
    for (size_t i = 0; i < s->gone.n; i++)
        watched_free(s->gone.at[i]);
    s->gone.n = 0;
}

/* What it is; also when it has become another program. */
static void describe(struct sampler *s, struct watched *w, const struct process *p,
                     const struct runtime *r) {
    free(w->process.command);
    free(w->process.cgroup);
    w->process.ppid = p->ppid;
    memcpy(w->process.name, p->name, sizeof p->name);
    w->process.command = process_command(p);
    w->process.cgroup = p->parts & PROCESS_CGROUP ? mem_strdup(p->cgroup) : NULL;
    memcpy(w->process.version, r->version, sizeof r->version);
    w->exe_dev = p->exe_dev;
    w->exe_inode = p->exe_inode;
    sampled_heap_free(w->heap);
    w->heap = sampled_heap_new(s->heaps, p->pid);
    sampler_cgroups_drop(&s->cgroups, w->cgroup);
    w->cgroup = w->process.cgroup ? sampler_cgroups_get(&s->cgroups, sampler_scan_root(s->scan),
                                                        p->pid, w->process.cgroup)
                                  : NULL;
}

static void insert(struct sampler *s, struct watched *w) {
    size_t at = first_where(s->watched.n, i, s->watched.at[i]->process.id.pid >= w->process.id.pid);
    vec_push(&s->watched, w);
    memmove(s->watched.at + at + 1, s->watched.at + at,
            (s->watched.n - 1 - at) * sizeof *s->watched.at);
    s->watched.at[at] = w;
}

static void see(void *arg, const struct process *p, const struct runtime *r, bool wanted) {
    struct sampler *s = arg;
    struct watched *known = NULL;
    for (size_t i = 0; i < s->watched.n; i++)
        if (s->watched.at[i]->process.id.pid == p->pid)
            known = s->watched.at[i];
    if (known && (!wanted || known->process.id.started_ns != p->started_ns)) {
        known->ended = true; /* or is none of ours any more */
        known = NULL;
    }
    if (!wanted)
        return;
    if (known) {
        if (known->exe_dev != p->exe_dev || known->exe_inode != p->exe_inode)
            describe(s, known, p, r);
        return;
    }
    struct process_files files;
    if (process_files_open(sampler_scan_root(s->scan), p->pid, s->watched.n < KEEP_OPEN_MAX,
                           &files) < 0)
        return;
    struct watched *w = mem_zalloc(sizeof *w);
    w->files = files;
    w->process.id = (struct process_id){p->pid, p->started_ns};
    w->process.first_seen_ns = s->time_ns;
    describe(s, w, p, r);
    insert(s, w);
}

int sampler_new(const struct sampler_query *q, struct sampler **ret, struct err *e) {
    struct sampler_scan *scan;
    int r = sampler_scan_new(q, &scan, e);
    if (r < 0)
        return r;
    struct sampler *s = mem_zalloc(sizeof *s);
    s->scan = scan;
    s->heaps = sampler_heaps_new();
    *ret = s;
    return 0;
}

static void take_heap(struct watched *w, struct sample *ret) {
    ret->time_ns = wall_ns();
    ret->at_ns = clock_ns();
    w->again = sampled_heap_sample(w->heap, ret, &w->process.no_v8);
}

static void take(struct sampler *s, struct watched *w, struct sample *ret) {
    uint64_t fds;
    if (process_files_sample(&w->files, ret) == -ESRCH) {
        w->ended = true;
        return;
    }
    bool due = (s->cost.rounds + (uint64_t)w->process.id.pid) % COUNT_FDS_EVERY == 0;
    if (!sample_get(ret, SAMPLE_FDS, &fds) && due && process_files_count_fds(&w->files, &fds) == 0)
        sample_set(ret, SAMPLE_FDS, fds);
    sampler_cgroups_sample(&s->cgroups, w->cgroup, sampler_scan_root(s->scan), w->process.id.pid,
                           ret);
    take_heap(w, ret);
}

/* A collection keeps a heap from being read, mostly for a few milliseconds: those that were in one
 * are asked again now that the others are done, for a moment. */
static void take_again(struct sampler *s, struct sampler_round *ret) {
    enum { NAPS = 6 };
    for (int nap = 0; nap <= NAPS; nap++) {
        bool left = false;
        for (size_t i = 0; i < s->watched.n; i++) {
            struct watched *w = s->watched.at[i];
            if (!w->again)
                continue;
            take_heap(w, &ret->rows.at[i].sample);
            w->last = ret->rows.at[i].sample;
            left |= w->again;
        }
        if (!left)
            return;
        if (nap < NAPS)
            nanosleep(&(struct timespec){.tv_nsec = 700000}, NULL);
    }
}

static void take_all(struct sampler *s, struct sampler_round *ret) {
    size_t kept = 0;
    for (size_t i = 0; i < s->watched.n; i++) {
        struct watched *w = s->watched.at[i];
        struct sampler_row row = {.process = &w->process, .came = !w->reported};
        if (!w->ended)
            take(s, w, &row.sample);
        if (!w->ended) {
            s->watched.at[kept++] = w;
            w->last = row.sample;
            w->reported = true;
            vec_push(&ret->rows, row);
            continue;
        }
        sampler_cgroups_drop(&s->cgroups, w->cgroup);
        vec_push(&s->gone, w);
        if (w->reported)
            vec_push(&ret->gone, (struct sampler_gone){.process = &w->process, .last = w->last});
    }
    s->watched.n = kept;
}

int sampler_take(struct sampler *s, struct sampler_round *ret, struct err *e) {
    uint64_t began = cpu_ns();
    forget_gone(s);
    ret->rows.n = ret->gone.n = 0;
    ret->time_ns = s->time_ns = wall_ns();
    ret->at_ns = clock_ns();
    sampler_cgroups_read(&s->cgroups);
    int r = sampler_scan_update(s->scan, ret->at_ns, &(struct sampler_seer){s, see});
    if (r < 0)
        return err_set(e, r, "", "/proc cannot be read: %s.", strerror(-r));
    take_all(s, ret);
    take_again(s, ret);
    uint64_t took = cpu_ns() - began;
    s->cost.rounds++;
    s->cost.cpu_ns += took;
    s->cost.longest_ns = took > s->cost.longest_ns ? took : s->cost.longest_ns;
    return 0;
}

void sampler_cost(const struct sampler *s, struct sampler_cost *ret) {
    *ret = s->cost;
}

void sampler_round_done(struct sampler_round *r) {
    vec_free(&r->rows);
    vec_free(&r->gone);
}

void sampler_free(struct sampler *s) {
    if (!s)
        return;
    forget_gone(s);
    for (size_t i = 0; i < s->watched.n; i++)
        watched_free(s->watched.at[i]);
    vec_free(&s->watched);
    vec_free(&s->gone);
    sampler_cgroups_done(&s->cgroups);
    sampler_heaps_free(s->heaps);
    sampler_scan_free(s->scan);
    free(s);
}
