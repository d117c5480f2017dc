#include "cmd/over_time.h"

#include "base/clock.h"
#include "base/progress.h"
#include "cmd/look.h"
#include "collect/sampler.h"
#include "model/groups.h"
#include "series/judge.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define EVERY_LEAST_NS (SECOND_NS / 10)

enum {
    LOOKS_MOST = 20,
    LOOKS_LEAST = 10,   /* unless they take most of the time themselves */
    LOOK_SHARE = 10,    /* beyond these, looks take one part in so many of a CPU's time */
    SAMPLE_SHARE = 200, /* and samples one in so many */
};

/* Gains below this are nothing: what a program that does the same again and again still adds in its
 * first minutes, as functions are compiled and caches of shapes fill; and this part of what is
 * there. */
#define NOTHING_BYTES (512.0 * 1024)
#define NOTHING_PART 0.005
/* Of native memory more, as a part of the process: V8's books on its pages, and what garbage holds
 * of it until it is collected, which measured up to 1 % of a process that only made garbage. */
#define NOTHING_NATIVE_PART 0.02

/* What is judged. */
enum watched { HEAP, WORKERS_HEAP, WORKERS, BUFFERS, MALLOC, IN_USE, OWNERS };

struct watch {
    struct run *r;
    const char *target;
    struct growth_report *g;
    uint64_t began_ns, for_ns;
    struct points floor[OWNERS]; /* by the looks */
    struct points all[OWNERS];   /* by the samples; empty where no counter says it */
    struct sampler *sampler;
    struct sampler_round round;
    uint64_t every_ns;
    uint32_t looks, samples;
    uint64_t cgroup_bytes, cgroup_limit; /* of the last sample; 0 unknown */
    struct progress line;
};

static double seconds_of(const struct watch *w, uint64_t now_ns) {
    return (double)(now_ns - w->began_ns) / (double)SECOND_NS;
}

/* --- looks --- */

static uint64_t live_of(const struct v8_isolate_census *iso) {
    uint64_t live = 0;
    for (int s = 0; s < V8_SPACES; s++)
        live += iso->space[s].live;
    return live;
}

/* What would be left after a collection and a trim. */
static double in_use(const struct evidence *ev, double live, double buffers_garbage) {
    struct account_groups g = account_groups_sum(&ev->account);
    static const enum account_group given_back[] = {GROUP_V8_OBJECTS, GROUP_V8_FREE, GROUP_V8_POOL,
                                                    GROUP_V8_PAGES, GROUP_MALLOC_FREE};
    double left = (double)ev->account.attributed_bytes;
    for (size_t i = 0; i < sizeof given_back / sizeof *given_back; i++)
        left -= (double)g.resident[given_back[i]];
    return left + live - buffers_garbage;
}

static void note_look(struct watch *w, const struct evidence *ev, uint64_t now_ns) {
    double at = seconds_of(w, now_ns), live = 0, workers = 0, buffers = 0, garbage = 0;
    bool known = ev->has_v8 && ev->v8.has_liveness;
    for (size_t i = 0; known && i < ev->v8.isolates.n; i++) {
        const struct v8_isolate_census *iso = &ev->v8.isolates.at[i];
        *(i ? &workers : &live) += (double)live_of(iso);
        garbage += (double)iso->array_buffer_garbage;
        buffers += (double)(iso->array_buffer_bytes - iso->array_buffer_garbage);
    }
    if (known) {
        vec_push(&w->floor[HEAP], (struct point){at, live});
        vec_push(&w->floor[WORKERS_HEAP], (struct point){at, workers});
        vec_push(&w->floor[WORKERS], (struct point){at, (double)ev->v8.isolates.n - 1});
        vec_push(&w->floor[BUFFERS], (struct point){at, buffers});
    }
    if (ev->has_malloc && ev->has_account)
        vec_push(&w->floor[MALLOC],
                 (struct point){at, (double)account_sum_leaf(&ev->account, "malloc", "in-use")});
    if (ev->has_account && (known || !ev->has_v8))
        vec_push(&w->floor[IN_USE], (struct point){at, in_use(ev, live + workers, garbage)});
    w->looks++;
}

static int see_summary(void *arg, const struct whole *whole, struct err *e) {
    return whole->heap ? heap_summary_see(arg, whole->heap, e) : 0;
}

static int same_process(struct watch *w, const struct evidence *ev) {
    const struct evidence *first = &w->g->side[0].ev;
    if (ev->target.pid == first->target.pid && ev->process.started_ns == first->process.started_ns)
        return 0;
    return err_set(&w->r->err, -ESRCH, "Start again, with the new one.",
                   "%s is not the process any more that it was at the beginning", w->target);
}

/* One that tells what holds what, too. */
static int take_full_look(struct watch *w, unsigned needs) {
    struct growth_report *g = w->g;
    struct growth_side *s = &g->side[g->n];
    *s = (struct growth_side){.target = w->target};
    s->summary.earlier = g->n ? &g->side[g->n - 1].summary.holders : NULL;
    s->summary.with_suspects = needs != 0;
    uint64_t now_ns = clock_ns();
    int rc =
        look_at_whole(w->r, w->target,
                      NEED_V8 | NEED_LIVENESS | NEED_MALLOC | NEED_ACCOUNT | NEED_PROCESS | needs,
                      &(struct whole_visit){&s->summary, see_summary}, &s->ev);
    if (rc < 0) {
        heap_summary_done(&s->summary);
        return rc;
    }
    g->n++;
    s->ev.has_suspects = s->summary.with_suspects && s->ev.v8.has_liveness;
    s->ev.suspects = s->summary.suspects;
    s->summary.suspects = (struct suspects){0};
    s->seconds = g->n > 1 ? (double)(s->summary.seen_ns - s[-1].summary.seen_ns) / 1e9 : 0;
    note_look(w, &s->ev, now_ns);
    return same_process(w, &s->ev);
}

static int take_look(struct watch *w) {
    struct evidence ev;
    uint64_t now_ns = clock_ns();
    int rc = look_at(w->r, w->target,
                     NEED_V8 | NEED_LIVENESS | NEED_MALLOC | NEED_ACCOUNT | NEED_PROCESS, &ev);
    if (rc < 0)
        return rc;
    note_look(w, &ev, now_ns);
    rc = same_process(w, &ev);
    evidence_done(&ev);
    return rc;
}

/* --- samples --- */

static void note_field(struct watch *w, const struct sample *s, enum sample_field f,
                       enum watched owner) {
    uint64_t value;
    if (sample_get(s, f, &value))
        vec_push(&w->all[owner], (struct point){seconds_of(w, s->at_ns), (double)value});
}

static void take_sample(struct watch *w) {
    struct err ignored; /* the next look says it */
    struct sampler_cost cost;
    if (sampler_take(w->sampler, &w->round, &ignored) < 0 || !w->round.rows.n)
        return;
    const struct sample *s = &w->round.rows.at[0].sample;
    note_field(w, s, SAMPLE_RSS, IN_USE);
    note_field(w, s, SAMPLE_HEAP_USED, HEAP);
    note_field(w, s, SAMPLE_WORKERS_HEAP_USED, WORKERS_HEAP);
    note_field(w, s, SAMPLE_ARRAY_BUFFERS, BUFFERS);
    sample_get(s, SAMPLE_CGROUP_CURRENT, &w->cgroup_bytes);
    sample_get(s, SAMPLE_CGROUP_LIMIT, &w->cgroup_limit);
    w->samples++;
    sampler_cost(w->sampler, &cost);
    uint64_t fair = SAMPLE_SHARE * cost.cpu_ns / cost.rounds;
    w->every_ns = fair < EVERY_LEAST_NS ? EVERY_LEAST_NS : fair < SECOND_NS ? fair : SECOND_NS;
}

static void sample_until(struct watch *w, uint64_t until_ns) {
    uint64_t now;
    while ((now = clock_ns()) < until_ns) {
        take_sample(w);
        uint64_t left = until_ns - now, step = left < w->every_ns ? left : w->every_ns;
        nanosleep(&(struct timespec){(time_t)(step / SECOND_NS), (long)(step % SECOND_NS)}, NULL);
        progress_say(&w->line, "watching it", now - w->began_ns, w->for_ns);
    }
    progress_done(&w->line);
}

/* --- the time --- */

/* What a look took. */
struct look_cost {
    uint64_t began_ns, cpu_began_ns;
    uint64_t took_ns, cpu_ns;
};

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static struct look_cost cost_begin(void) {
    return (struct look_cost){.began_ns = clock_ns(), .cpu_began_ns = cpu_ns()};
}

/* One that told what holds what takes about three times as long as others. */
static void cost_end(struct look_cost *c, bool full) {
    c->took_ns = (clock_ns() - c->began_ns) / (full ? 3 : 1);
    c->cpu_ns = (cpu_ns() - c->cpu_began_ns) / (full ? 3 : 1);
}

/* Not evenly: what the program does every so many seconds must not meet each look at the same
 * point. Multiples of the golden ratio spread like no others. */
static uint64_t next_look_ns(const struct watch *w, const struct look_cost *c) {
    double fair = fmin((double)c->cpu_ns * LOOK_SHARE, (double)w->for_ns / LOOKS_LEAST);
    double step = fmax((double)w->for_ns / (LOOKS_MOST - 1), fmax(fair, (double)c->took_ns));
    double shift = fmod(0.6180339887 * w->looks, 1) - 0.5;
    return clock_ns() + (uint64_t)(step * (1 + 0.6 * shift));
}

static int watch(struct watch *w, unsigned needs) {
    struct look_cost cost = cost_begin();
    int rc = take_full_look(w, 0);
    cost_end(&cost, true);
    if (rc == 0 && strcmp(w->g->side[0].ev.target.kind, "core") == 0)
        return err_set(&w->r->err, -EINVAL, "Leave --for out to explain it as it is.",
                       "%s does not change: --for needs a process that runs", w->target);
    uint64_t ends = w->began_ns + w->for_ns, next = next_look_ns(w, &cost);
    struct sampler_query q = {.root = "", .pids = &w->g->side[0].ev.target.pid, .n_pids = 1};
    if (rc == 0)
        rc = sampler_new(&q, &w->sampler, &w->r->err);
    while (rc == 0 && next < ends) {
        sample_until(w, next);
        cost = cost_begin();
        bool half = w->g->n == 1 && cost.began_ns - w->began_ns >= w->for_ns / 2;
        rc = half ? take_full_look(w, 0) : take_look(w);
        cost_end(&cost, half);
        next = next_look_ns(w, &cost);
    }
    if (rc == 0)
        sample_until(w, ends);
    return rc == 0 ? take_full_look(w, needs) : rc;
}

/* --- verdicts --- */

static uint64_t heap_limit(const struct evidence *ev) {
    return ev->has_v8 && ev->v8.isolates.n ? ev->v8.isolates.at[0].limits.old_bytes : 0;
}

/* V8's for the heap, the cgroup's for all: there everything of the container counts. */
static void set_limit(const struct watch *w, enum watched owner, struct trend_row *row) {
    const struct evidence *ev = &w->g->side[w->g->n - 1].ev;
    uint64_t used = w->cgroup_bytes, limit = w->cgroup_limit;
    if (owner == HEAP) {
        row->limit = heap_limit(ev);
        row->limit_name = "V8's limit";
        return;
    }
    if (!limit && ev->has_cgroup && ev->cgroup.effective_max.state == CGROUP_LIMIT_SET)
        limit = ev->cgroup.effective_max.bytes;
    if (!used && (!ev->has_cgroup || !cgroup_get(&ev->cgroup, CGROUP_CURRENT, &used)))
        return;
    row->limit = limit;
    row->limit_used = limit ? used : 0;
    row->limit_name = "the cgroup's limit";
}

/* Did most of it go to something with a bound beside it, such as a cache, that has not reached it?
 * Of `growth`'s verdict on the holder only that: how it grows is the series' to say, which has more
 * looks. */
static bool has_bound(const struct growth_report *g, double gained) {
    int64_t bounded = 0, free = 0;
    for (size_t i = 0; i < g->list.list.n; i++) {
        const struct growth *one = &g->list.list.at[i];
        int64_t more = one->bytes_delta > 0 ? one->bytes_delta : 0;
        bool may_fill = one->now->bound_name && one->now->bound > one->now->members;
        *(may_fill ? &bounded : &free) += more;
    }
    return (double)bounded > gained / 2 && bounded > free;
}

static bool ever_above_zero(const struct points *p) {
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].value > 0)
            return true;
    return false;
}

static double nothing_of(const struct watch *w, enum watched owner) {
    double most = 0;
    bool native = owner == MALLOC || owner == IN_USE;
    const struct points *p = native && w->all[IN_USE].n ? &w->all[IN_USE] : &w->floor[owner];
    for (size_t i = 0; i < p->n; i++)
        most = fmax(most, p->at[i].value);
    if (owner == WORKERS)
        return 1.5; /* one more is not growth */
    return NOTHING_BYTES + (native ? NOTHING_NATIVE_PART : NOTHING_PART) * most;
}

static void judge_owner(struct watch *w, enum watched owner, struct trends *ret) {
    static const struct trend_row rows[OWNERS] = {
        [HEAP] = {"heap", "heap", SAMPLE_BYTES},
        [WORKERS_HEAP] = {"workers_heap", "workers' heaps", SAMPLE_BYTES},
        [WORKERS] = {"workers", "workers", SAMPLE_COUNT},
        [BUFFERS] = {"array_buffers", "array buffers", SAMPLE_BYTES},
        [MALLOC] = {"malloc", "malloc in use", SAMPLE_BYTES},
        [IN_USE] = {"rss", "RSS", SAMPLE_BYTES},
    };
    struct trend_row row = rows[owner];
    const struct points *floor = &w->floor[owner], *all = &w->all[owner];
    bool of_workers = owner == WORKERS || owner == WORKERS_HEAP;
    if (!floor->n || (of_workers && !ever_above_zero(&w->floor[WORKERS])))
        return;
    judge_floor(&(struct judge_case){all->n ? all : NULL, floor, nothing_of(w, owner)}, &row.trend);
    struct trend *t = &row.trend;
    bool of_objects = owner != MALLOC;
    if (t->kind == TREND_GROWING && of_objects &&
        has_bound(w->g, t->per_s * (t->to_s - t->from_s))) {
        t->kind = TREND_UNDECIDED;
        t->why = TREND_MAY_HAVE_A_BOUND;
        t->more_s = 5 * seconds_of(w, w->began_ns + w->for_ns);
    }
    if (row.unit == SAMPLE_BYTES)
        set_limit(w, owner, &row);
    row.floor = *floor;
    w->floor[owner] = (struct points){0};
    vec_push(&ret->rows, row);
}

static void judge(struct watch *w) {
    struct growth_report *g = w->g;
    struct growth_look looks[GROWTH_LOOKS_MAX];
    struct timespec now;
    struct trends *t = &g->side[g->n - 1].ev.trends;
    for (size_t i = 0; i < g->n; i++)
        looks[i] = (struct growth_look){&g->side[i].summary.holders, g->side[i].seconds};
    growth_find(looks, g->n, true, &g->list);
    clock_gettime(CLOCK_REALTIME, &now);
    t->end_ns = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
    t->seconds = (double)w->for_ns / (double)SECOND_NS;
    t->looks = w->looks;
    t->samples = w->samples;
    for (int i = 0; i < OWNERS; i++)
        judge_owner(w, (enum watched)i, t);
}

int over_time_watch(struct run *r, const char *target, uint64_t for_ns, unsigned needs,
                    struct growth_report *g) {
    struct watch w = {.r = r,
                      .target = target,
                      .g = g,
                      .for_ns = for_ns,
                      .began_ns = clock_ns(),
                      .every_ns = EVERY_LEAST_NS,
                      .line = progress_start(r->progress)};
    int rc = watch(&w, needs);
    if (rc == 0)
        judge(&w);
    for (int i = 0; i < OWNERS; i++) {
        vec_free(&w.floor[i]);
        vec_free(&w.all[i]);
    }
    sampler_round_done(&w.round);
    sampler_free(w.sampler);
    if (rc < 0)
        growth_report_done(g);
    return rc;
}
