#include "collect/sampler.h"

#include "base/clock.h"
#include "base/search.h"
#include "collect/processes.h"
#include "kernel/process.h"
#include <errno.h>
#include <string.h>
#include <time.h>

struct watched {
    struct sampled_process process;
    struct sample last;
    bool seen; /* in the round under way */
};

struct sampler {
    struct sampler_query query;
    VEC(struct watched *) watched; /* ascending by pid */
    VEC(struct watched *) gone;    /* in the last round; freed by the next */
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
    free(w->process.command);
    free(w->process.cgroup);
    free(w);
}

static void forget_gone(struct sampler *s) {
    for (size_t i = 0; i < s->gone.n; i++)
        watched_free(s->gone.at[i]);
    s->gone.n = 0;
}

static struct watched *watched_new(const struct process_row *row, uint64_t now_ns) {
    const struct process *p = &row->process;
    struct watched *w = mem_zalloc(sizeof *w);
    w->process.id = (struct process_id){p->pid, p->started_ns};
    w->process.ppid = p->ppid;
    memcpy(w->process.name, p->name, sizeof p->name);
    w->process.command = process_command(p);
    w->process.cgroup = p->parts & PROCESS_CGROUP ? mem_strdup(p->cgroup) : NULL;
    memcpy(w->process.version, row->runtime.version, sizeof row->runtime.version);
    w->process.first_seen_ns = now_ns;
    w->process.no_v8 = "V8's counters are not read yet.";
    return w;
}

static struct watched *find(const struct sampler *s, const struct process *p) {
    for (size_t i = 0; i < s->watched.n; i++) {
        const struct process_id *id = &s->watched.at[i]->process.id;
        if (id->pid == p->pid && id->started_ns == p->started_ns)
            return s->watched.at[i];
    }
    return NULL;
}

static void take_sizes(const struct process *p, struct sample *ret) {
    static const struct {
        enum process_size size;
        enum sample_field field;
    } sizes[] = {
        {PROCESS_RSS, SAMPLE_RSS},           {PROCESS_RSS_ANON, SAMPLE_RSS_ANON},
        {PROCESS_RSS_FILE, SAMPLE_RSS_FILE}, {PROCESS_RSS_SHMEM, SAMPLE_RSS_SHMEM},
        {PROCESS_SWAP, SAMPLE_SWAP},         {PROCESS_VM_SIZE, SAMPLE_VM_SIZE},
        {PROCESS_VM_DATA, SAMPLE_VM_DATA},   {PROCESS_PAGE_TABLES, SAMPLE_PAGE_TABLES},
    };
    uint64_t value;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (process_size_get(p, sizes[i].size, &value))
            sample_set(ret, sizes[i].field, value);
    sample_set(ret, SAMPLE_THREADS, p->n_threads);
}

static int by_pid(const void *a, const void *b) {
    const struct sampler_row *x = a, *y = b;
    return x->process->id.pid < y->process->id.pid ? -1 : x->process->id.pid > y->process->id.pid;
}

/* What was there and is no more leaves the list. */
static void part_with_gone(struct sampler *s, struct sampler_round *ret) {
    size_t kept = 0;
    for (size_t i = 0; i < s->watched.n; i++) {
        struct watched *w = s->watched.at[i];
        if (w->seen) {
            s->watched.at[kept++] = w;
            continue;
        }
        vec_push(&s->gone, w);
        vec_push(&ret->gone, (struct sampler_gone){.process = &w->process, .last = w->last});
    }
    s->watched.n = kept;
}

int sampler_new(const struct sampler_query *q, struct sampler **ret, struct err *e) {
    for (size_t i = 0; i < q->n_pids; i++) {
        struct process p;
        if (process_read(q->root, q->pids[i], 0, &p) < 0)
            return err_set(e, -ESRCH, "memwhy ps lists the processes there are.",
                           "There is no process %d.", (int)q->pids[i]);
        process_done(&p);
    }
    struct sampler *s = mem_zalloc(sizeof *s);
    s->query = *q;
    *ret = s;
    return 0;
}

int sampler_take(struct sampler *s, struct sampler_round *ret, struct err *e) {
    uint64_t began = cpu_ns();
    struct process_query q = {
        .root = s->query.root,
        .container = s->query.container,
        .only_node = !s->query.n_pids,
    };
    struct process_rows rows = {0};
    int r = processes_collect(&q, &rows, e);
    if (r < 0)
        return r;
    forget_gone(s);
    ret->rows.n = ret->gone.n = 0;
    ret->time_ns = wall_ns();
    ret->at_ns = clock_ns();
    for (size_t i = 0; i < s->watched.n; i++)
        s->watched.at[i]->seen = false;
    for (size_t i = 0; i < rows.n; i++) {
        const struct process *p = &rows.at[i].process;
        bool asked = !s->query.n_pids;
        for (size_t k = 0; k < s->query.n_pids; k++)
            asked |= s->query.pids[k] == p->pid;
        if (!asked)
            continue;
        struct watched *w = find(s, p);
        struct sampler_row row = {.came = !w};
        if (!w) {
            w = watched_new(&rows.at[i], ret->time_ns);
            vec_push(&s->watched, w);
        }
        w->seen = true;
        row.process = &w->process;
        row.sample.time_ns = ret->time_ns;
        row.sample.at_ns = ret->at_ns;
        take_sizes(p, &row.sample);
        w->last = row.sample;
        vec_push(&ret->rows, row);
    }
    part_with_gone(s, ret);
    vec_sort(&ret->rows, by_pid);
    processes_done(&rows);
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
    free(s);
}
