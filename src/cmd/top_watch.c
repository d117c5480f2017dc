#include "cmd/top_watch.h"

#include "base/clock.h"
#include "base/search.h"
#include "cmd/top_trend.h"
#include "kernel/process.h"

/* One process, as long as it is watched. */
struct seen {
    struct process_id id;
    pid_t parent; /* the nearest ancestor that was sampled when it came */
    struct sample last;
    struct top_trend trend;
};

struct seen_list { /* ascending by pid */
    struct seen *at;
    size_t n, cap;
};

struct top_watch {
    const char *root;
    struct sampler *sampler;
    struct sampler_round round;
    VEC(struct top_process) processes;
    struct seen_list seen;
    uint64_t began_ns, began_cpu_ns;
};

static uint64_t own_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

int top_watch_new(const struct sampler_query *q, struct top_watch **ret, struct err *e) {
    struct sampler *sampler;
    int rc = sampler_new(q, &sampler, e);
    if (rc < 0)
        return rc;
    struct top_watch *w = mem_zalloc(sizeof *w);
    w->root = q->root;
    w->sampler = sampler;
    w->began_ns = clock_ns();
    w->began_cpu_ns = own_cpu_ns();
    *ret = w;
    return 0;
}

static void forget(struct top_watch *w) {
    for (size_t i = 0; i < w->seen.n; i++)
        top_trend_done(&w->seen.at[i].trend);
    vec_free(&w->seen);
}

static struct seen *find(struct top_watch *w, const struct process_id *id) {
    size_t i = first_where(w->seen.n, k, w->seen.at[k].id.pid >= id->pid);
    for (; i < w->seen.n && w->seen.at[i].id.pid == id->pid; i++)
        if (w->seen.at[i].id.started_ns == id->started_ns)
            return &w->seen.at[i];
    return NULL;
}

static bool is_sampled(const struct top_watch *w, pid_t pid) {
    size_t i = first_where(w->round.rows.n, k, w->round.rows.at[k].process->id.pid >= pid);
    return i < w->round.rows.n && w->round.rows.at[i].process->id.pid == pid;
}

/* The nearest ancestor that is sampled: between a program and what started it there are shells. */
static pid_t find_parent(const struct top_watch *w, pid_t pid) {
    enum { STEPS = 32 };
    for (int i = 0; i < STEPS && pid > 1 && !is_sampled(w, pid); i++) {
        struct process p;
        if (process_read(w->root, pid, 0, &p) < 0)
            return 0;
        pid = p.ppid;
        process_done(&p);
    }
    return pid > 1 ? pid : 0;
}

static struct top_process shown(const struct sampled_process *p, const struct sample *now,
                                const struct seen *s, const struct sample *before) {
    struct top_process t = {
        .id = p->id,
        .parent = s->parent,
        .command = p->command,
        .cgroup = p->cgroup,
        .version = p->version,
        .no_v8 = p->no_v8,
        .now = *now,
        .has_before = before,
        .slope = s->trend.slope,
    };
    if (before)
        t.before = *before;
    return t;
}

static void show_row(struct top_watch *w, const struct sampler_row *row, struct seen *s,
                     const struct sample *before) {
    uint64_t rss;
    if (sample_get(&row->sample, SAMPLE_RSS, &rss))
        top_trend_add(&s->trend, row->sample.at_ns, rss);
    vec_push(&w->processes, shown(row->process, &row->sample, s, before));
    s->last = row->sample;
}

static void show_gone(struct top_watch *w) {
    for (size_t i = 0; i < w->round.gone.n; i++) {
        const struct sampler_gone *g = &w->round.gone.at[i];
        const struct seen *s = find(w, &g->process->id);
        if (!s)
            continue;
        vec_push(&w->processes, shown(g->process, &g->last, s, NULL));
        w->processes.at[w->processes.n - 1].gone = true;
    }
}

/* Those that were there before come out of w->seen, the others are new. */
static void show_rows(struct top_watch *w) {
    struct seen_list seen = {0};
    for (size_t i = 0; i < w->round.rows.n; i++) {
        const struct sampler_row *row = &w->round.rows.at[i];
        struct seen *old = find(w, &row->process->id), s = {.id = row->process->id};
        struct sample before;
        if (old) {
            s = *old;
            before = old->last;
            old->trend = (struct top_trend){0}; /* moved */
        } else {
            s.parent = find_parent(w, row->process->ppid);
        }
        show_row(w, row, &s, old ? &before : NULL);
        vec_push(&seen, s);
    }
    show_gone(w);
    forget(w);
    w->seen = seen;
}

static int by_pid(const void *a, const void *b) {
    const struct top_process *x = a, *y = b;
    return x->id.pid != y->id.pid ? (x->id.pid > y->id.pid) - (x->id.pid < y->id.pid)
                                  : (int)y->gone - (int)x->gone;
}

int top_watch_round(struct top_watch *w, struct err *e) {
    int rc = sampler_take(w->sampler, &w->round, e);
    if (rc < 0)
        return rc;
    w->processes.n = 0;
    show_rows(w);
    vec_sort(&w->processes, by_pid);
    return 0;
}

void top_watch_free(struct top_watch *w) {
    if (!w)
        return;
    sampler_round_done(&w->round);
    sampler_free(w->sampler);
    vec_free(&w->processes);
    forget(w);
    free(w);
}

const struct top_process *top_watch_processes(const struct top_watch *w, size_t *ret_n) {
    *ret_n = w->processes.n;
    return w->processes.at;
}

void top_watch_totals(const struct top_watch *w, struct top_totals *ret) {
    struct top_totals t = {.time_ns = w->round.time_ns};
    uint64_t passed = clock_ns() - w->began_ns;
    for (size_t i = 0; i < w->processes.n; i++) {
        struct top_parts parts;
        if (w->processes.at[i].gone)
            continue;
        t.running++;
        if (!top_parts_of(&w->processes.at[i].now, &parts))
            continue;
        t.parts.known |= parts.known;
        for (int p = 0; p < TOP_PARTS; p++)
            t.parts.bytes[p] += parts.bytes[p];
    }
    t.own_cpu_percent = 100 * (double)(own_cpu_ns() - w->began_cpu_ns) / (double)(passed + 1);
    *ret = t;
}
