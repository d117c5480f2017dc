#include "cmd/history_read.h"

#include "series/floor.h"
#include "series/judge.h"
#include <math.h>

#define SECOND_NS 1000000000.0

/* Gains below this over the whole time are nothing, and this part of the most. */
#define NOTHING_BYTES (1024.0 * 1024)
#define NOTHING_PART 0.01

/* What has garbage, or free memory of malloc, in it that nothing tells apart: V8's young generation
 * and its pages grow for some minutes in a program that keeps nothing. */
#define SECONDS_WITHOUT_FLOOR 600

#define BIT(f) (UINT64_C(1) << (f))

static const uint64_t judged_fields =
    BIT(SAMPLE_RSS) | BIT(SAMPLE_SWAP) | BIT(SAMPLE_HEAP_USED) | BIT(SAMPLE_EXTERNAL) |
    BIT(SAMPLE_ARRAY_BUFFERS) | BIT(SAMPLE_WORKERS) | BIT(SAMPLE_WORKERS_HEAP_USED) |
    BIT(SAMPLE_MALLOC_ARENAS) | BIT(SAMPLE_MALLOC_MAPPED) | BIT(SAMPLE_THREADS) | BIT(SAMPLE_FDS) |
    BIT(SAMPLE_CGROUP_CURRENT);
/* Read beside them. */
static const uint64_t helping_fields = BIT(SAMPLE_GC_MAJOR) | BIT(SAMPLE_GC_MINOR) |
                                       BIT(SAMPLE_LIVE_AFTER_GC) | BIT(SAMPLE_HEAP_LIMIT) |
                                       BIT(SAMPLE_CGROUP_LIMIT) | BIT(SAMPLE_CPU_USER_NS) |
                                       BIT(SAMPLE_CPU_SYSTEM_NS);

/* Objects of V8's heap, or memory that dies with them. */
static bool is_collected(enum sample_field f) {
    return f == SAMPLE_HEAP_USED || f == SAMPLE_EXTERNAL || f == SAMPLE_ARRAY_BUFFERS ||
           f == SAMPLE_WORKERS_HEAP_USED;
}

static double seconds_since(uint64_t from_ns, uint64_t at_ns) {
    return ((double)at_ns - (double)from_ns) / SECOND_NS;
}

/* A point that spans time had its most and its least somewhere in it. */
static void to_points(const struct store_series *s, uint64_t from_ns, struct points *ret) {
    ret->n = 0;
    for (size_t i = 0; i < s->points.n; i++) {
        const struct store_point *p = &s->points.at[i];
        double at = seconds_since(from_ns, p->time_ns);
        vec_push(ret, (struct point){at, (double)p->max});
        if (p->span_ns)
            vec_push(ret, (struct point){at + (double)p->span_ns / 2 / SECOND_NS, (double)p->min});
    }
}

static void sum_up(struct history_field *f) {
    VEC(double) means = {0};
    f->min = INFINITY;
    f->max = -INFINITY;
    for (size_t i = 0; i < f->series.points.n; i++) {
        const struct store_point *p = &f->series.points.at[i];
        f->min = fmin(f->min, (double)p->min);
        f->max = fmax(f->max, (double)p->max);
        f->now = (double)p->mean;
        vec_push(&means, f->now);
    }
    f->median = points_median(means.at, means.n);
    vec_free(&means);
}

struct reading {
    struct store_series all[SAMPLE_FIELDS];
    struct points collections, live; /* of GC_MAJOR and LIVE_AFTER_GC */
};

static void judge_field(const struct reading *r, uint64_t from_ns, struct history_field *f) {
    const struct sample_field_info *info = sample_field_info(f->field);
    double nothing = info->unit == SAMPLE_BYTES ? NOTHING_BYTES + NOTHING_PART * f->max : 2.5;
    bool has_gcs = r->collections.n && is_collected(f->field);
    struct points all = {0}, floor = {0};
    to_points(&f->series, from_ns, &all);
    f->row = (struct trend_row){.name = info->name, .title = info->title, .unit = info->unit};
    if (f->field == SAMPLE_HEAP_USED && r->live.n) {
        floor_of_steps(&r->live, &floor);
        judge_floor(&(struct judge_case){&all, &floor, nothing}, &f->row.trend);
        vec_free(&floor);
    } else {
        judge_series(&all, has_gcs ? &r->collections : NULL, nothing, &f->row.trend);
    }
    struct trend *t = &f->row.trend;
    bool exact =
        has_gcs || (f->field == SAMPLE_HEAP_USED && r->live.n) || info->unit == SAMPLE_COUNT;
    if (t->kind == TREND_GROWING && !exact && t->to_s - t->from_s < SECONDS_WITHOUT_FLOOR) {
        t->kind = TREND_UNDECIDED;
        t->why = TREND_MAY_BE_FREE;
        t->more_s = SECONDS_WITHOUT_FLOOR;
    }
    f->judged = true;
    vec_free(&all);
}

static uint64_t last_of(const struct store_series *s) {
    return s->points.n ? s->points.at[s->points.n - 1].mean : 0;
}

static void set_limit(const struct reading *r, struct history_field *f) {
    if (f->field == SAMPLE_HEAP_USED) {
        f->row.limit = last_of(&r->all[SAMPLE_HEAP_LIMIT]);
        f->row.limit_name = "V8's limit";
    } else if (f->field == SAMPLE_CGROUP_CURRENT || f->field == SAMPLE_RSS) {
        f->row.limit = last_of(&r->all[SAMPLE_CGROUP_LIMIT]);
        f->row.limit_used = f->row.limit ? last_of(&r->all[SAMPLE_CGROUP_CURRENT]) : 0;
        f->row.limit_name = "the cgroup's limit";
    }
}

static uint64_t rise_of(const struct store_series *s) {
    size_t n = s->points.n;
    return n > 1 && s->points.at[n - 1].mean > s->points.at[0].mean
               ? s->points.at[n - 1].mean - s->points.at[0].mean
               : 0;
}

static void sum_cost(const struct reading *r, struct history *h) {
    const struct store_series *user = &r->all[SAMPLE_CPU_USER_NS];
    double seconds = user->points.n ? seconds_since(user->points.at[0].last_ns,
                                                    user->points.at[user->points.n - 1].last_ns)
                                    : 0;
    h->has_cpu = seconds > 0;
    if (h->has_cpu)
        h->cpu_part =
            (double)(rise_of(user) + rise_of(&r->all[SAMPLE_CPU_SYSTEM_NS])) / SECOND_NS / seconds;
    h->has_major = r->all[SAMPLE_GC_MAJOR].points.n > 0;
    h->has_minor = r->all[SAMPLE_GC_MINOR].points.n > 0;
    h->gcs_major = rise_of(&r->all[SAMPLE_GC_MAJOR]);
    h->gcs_minor = rise_of(&r->all[SAMPLE_GC_MINOR]);
}

static int sum_gcs(struct store *s, struct history *h, struct err *e) {
    struct store_gcs gcs = {0};
    int rc = store_read_gcs(s, h->process->key, h->from_ns, h->to_ns, &gcs, &h->damaged, e);
    for (size_t i = 0; rc == 0 && i < gcs.list.n; i++) {
        const struct store_gc *g = &gcs.list.at[i];
        h->gc_pause_ns += g->pause_ns;
        h->gc_longest_ns = g->longest_ns > h->gc_longest_ns ? g->longest_ns : h->gc_longest_ns;
    }
    store_gcs_done(&gcs);
    return rc;
}

int history_read(struct store *s, const struct store_process *p, uint64_t fields, uint64_t from_ns,
                 uint64_t to_ns, struct history *ret, struct err *e) {
    struct reading r = {0};
    uint64_t shown = fields ? fields : judged_fields;
    *ret = (struct history){.process = p,
                            .from_ns = from_ns > p->first_ns ? from_ns : p->first_ns,
                            .to_ns = to_ns < p->last_ns ? to_ns : p->last_ns};
    int rc = store_read(s, p->key, shown | helping_fields, from_ns, to_ns, r.all, &ret->damaged, e);
    if (rc == 0)
        rc = sum_gcs(s, ret, e);
    to_points(&r.all[SAMPLE_GC_MAJOR], ret->from_ns, &r.collections);
    to_points(&r.all[SAMPLE_LIVE_AFTER_GC], ret->from_ns, &r.live);
    sum_cost(&r, ret);
    for (int i = 0; rc == 0 && i < SAMPLE_FIELDS; i++) {
        struct history_field f = {.field = (enum sample_field)i, .series = r.all[i]};
        if (!(shown & BIT(i)) || !f.series.points.n)
            continue;
        to_points(&f.series, ret->from_ns, &f.tops);
        sum_up(&f);
        if (!sample_field_info(f.field)->cumulative)
            judge_field(&r, ret->from_ns, &f);
        set_limit(&r, &f);
        r.all[i] = (struct store_series){0};
        vec_push(&ret->fields, f);
    }
    for (int i = 0; i < SAMPLE_FIELDS; i++)
        store_series_done(&r.all[i]);
    vec_free(&r.collections);
    vec_free(&r.live);
    if (rc < 0)
        history_done(ret);
    return rc;
}

void history_done(struct history *h) {
    for (size_t i = 0; i < h->fields.n; i++) {
        store_series_done(&h->fields.at[i].series);
        vec_free(&h->fields.at[i].tops);
    }
    vec_free(&h->fields);
}
