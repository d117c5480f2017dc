#include "watch/process.h"

/* A slope costs up to a millisecond: it is judged so often in the time it looks back over. */
enum { SLOPES_IN_WINDOW = 120 };

struct watched_term {
    struct watch_reading reading;
    struct track *track;       /* NULL: it does not look back */
    struct track *collections; /* of a slope; else NULL */
    uint64_t judged_at_ns;     /* of a slope */
};

struct watched_rule {
    struct guard guard;
    bool judged;
    uint64_t probe; /* the number of the last that was seen */
    struct watched_term *terms;
    struct watch_reading *readings;
};

struct watch_process {
    const struct watch_rules *rules;
    struct sample sample;
    struct watched_rule *list;
};

static bool is_trend(const struct watch_term *t) {
    return t->measure == WATCH_SLOPE || t->measure == WATCH_TIME_TO;
}

struct watch_process *watch_process_new(const struct watch_rules *rules) {
    struct watch_process *p = mem_zalloc(sizeof *p);
    p->rules = rules;
    p->list = mem_zalloc(rules->list.n * sizeof *p->list);
    for (size_t i = 0; i < rules->list.n; i++) {
        const struct watch_rule *r = &rules->list.at[i];
        struct watched_rule *w = &p->list[i];
        w->terms = mem_zalloc(r->terms.n * sizeof *w->terms);
        w->readings = mem_zalloc(r->terms.n * sizeof *w->readings);
        for (size_t k = 0; k < r->terms.n; k++) {
            const struct watch_term *t = &r->terms.at[k];
            if (!watch_term_has_window(t))
                continue;
            track_begin(w->terms[k].track = mem_alloc(sizeof(struct track)), t->window_ns);
            if (is_trend(t))
                track_begin(w->terms[k].collections = mem_alloc(sizeof(struct track)),
                            t->window_ns);
        }
    }
    return p;
}

void watch_process_free(struct watch_process *p) {
    if (!p)
        return;
    for (size_t i = 0; i < p->rules->list.n; i++) {
        for (size_t k = 0; k < p->rules->list.at[i].terms.n; k++) {
            free(p->list[i].terms[k].track);
            free(p->list[i].terms[k].collections);
        }
        free(p->list[i].terms);
        free(p->list[i].readings);
    }
    free(p->list);
    free(p);
}

static void add(struct track *t, const struct sample *s, enum sample_field f) {
    uint64_t v;
    if (t && sample_get(s, f, &v))
        track_add(t, s->at_ns, (double)v);
}

void watch_process_add(struct watch_process *p, const struct sample *s) {
    p->sample = *s;
    for (size_t i = 0; i < p->rules->list.n; i++)
        for (size_t k = 0; k < p->rules->list.at[i].terms.n; k++) {
            const struct watch_term *t = &p->rules->list.at[i].terms.at[k];
            struct watched_term *w = &p->list[i].terms[k];
            add(w->track, s, t->field);
            /* What collects the JavaScript heap says nothing of other memory. */
            if (t->field >= SAMPLE_HEAP_USED && t->field <= SAMPLE_LARGE_USED)
                add(w->collections, s, SAMPLE_GC_MAJOR);
        }
}

static void judge_term(const struct watch_process *p, const struct watch_term *t,
                       const struct watch_probe *probe, const struct watch_lacks *lacks,
                       struct watched_term *w) {
    uint64_t now = p->sample.at_ns;
    bool known = sample_get(&p->sample, t->field, &(uint64_t){0});
    if (is_trend(t) && known && track_is_full(w->track) && w->judged_at_ns &&
        now - w->judged_at_ns < t->window_ns / SLOPES_IN_WINDOW)
        return;
    w->judged_at_ns = now;
    watch_term_judge(t,
                     &(struct watch_seen){.sample = &p->sample,
                                          .track = w->track,
                                          .collections = w->collections,
                                          .probe = probe,
                                          .lacks = *lacks},
                     &w->reading);
}

struct watch_news watch_process_judge(struct watch_process *p, size_t rule,
                                      const struct watch_probe *probe,
                                      const struct watch_lacks *lacks) {
    const struct watch_rule *r = &p->rules->list.at[rule];
    struct watched_rule *w = &p->list[rule];
    struct watch_news news = {.was = w->guard.truth, .is = w->guard.truth};
    if (probe && w->judged && probe->number == w->probe)
        return news;
    for (size_t k = 0; k < r->terms.n; k++) {
        judge_term(p, &r->terms.at[k], probe, lacks, &w->terms[k]);
        w->readings[k] = w->terms[k].reading;
    }
    w->judged = true;
    w->probe = probe ? probe->number : 0;
    news.is = watch_truth_of_all(w->readings, r->terms.n);
    news.guard = guard_observe(&w->guard, r, news.is, p->sample.at_ns);
    return news;
}

const struct watch_reading *watch_process_readings(const struct watch_process *p, size_t rule) {
    return p->list[rule].readings;
}

const struct guard *watch_process_guard(const struct watch_process *p, size_t rule) {
    return &p->list[rule].guard;
}

const struct sample *watch_process_sample(const struct watch_process *p) {
    return &p->sample;
}
