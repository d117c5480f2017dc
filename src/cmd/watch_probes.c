#include "cmd/watch_probes.h"

#include "base/clock.h"
#include "inspector/listening.h"
#include "watch/rule.h"

#define SECOND_NS 1000000000ull
#define TIMEOUT_NS (5 * SECOND_NS) /* of one request, at least */
#define LOOK_AGAIN_NS (10 * SECOND_NS)

/* Twice the longest limit: who takes longer than that has passed it whatever it is. */
static uint64_t timeout_of(const struct watch_rules *rules, size_t endpoint) {
    double longest = (double)TIMEOUT_NS / 2;
    for (size_t i = 0; i < rules->list.n; i++)
        for (size_t k = 0; k < rules->list.at[i].terms.n; k++) {
            const struct watch_term *t = &rules->list.at[i].terms.at[k];
            if (t->measure == WATCH_LATENCY && t->endpoint == endpoint && t->limit > longest)
                longest = t->limit;
        }
    return longest < 1e18 ? (uint64_t)(2 * longest) : UINT64_MAX / 2;
}

int probes_new(const struct watch_rules *rules, struct probes *ret, struct err *e) {
    struct web_book book = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rules->endpoints.n; i++)
        rc = web_book_add(&book, rules->endpoints.at[i], e);
    for (size_t i = 0; rc == 0 && i < book.list.n; i++)
        vec_push(&ret->list,
                 (struct probe_point){.to = book.list.at[i], .timeout_ns = timeout_of(rules, i)});
    vec_free(&book.list);
    return rc;
}

void probes_ask(struct probes *p) {
    for (size_t i = 0; i < p->list.n; i++) {
        struct probe_point *x = &p->list.at[i];
        if (x->web.state != EXCHANGE_GOING)
            exchange_begin(&x->web, &x->to, x->owner.pid, NULL, x->timeout_ns);
    }
}

static void take(struct probe_point *x) {
    x->last.number++;
    x->last.latency_ns = x->web.ended_ns - x->web.began_ns;
    x->last.status = x->web.status;
    x->last.why = x->web.why;
    x->last.outcome = x->web.state == EXCHANGE_ANSWERED    ? PROBE_ANSWERED
                      : x->web.state == EXCHANGE_TIMED_OUT ? PROBE_TIMED_OUT
                                                           : PROBE_FAILED;
    exchange_done(&x->web);
}

void probes_step(struct probes *p) {
    for (size_t i = 0; i < p->list.n; i++) {
        struct probe_point *x = &p->list.at[i];
        if (x->web.state != EXCHANGE_NONE && exchange_step(&x->web))
            take(x);
    }
}

void probes_poll(const struct probes *p, struct poll_list *l) {
    for (size_t i = 0; i < p->list.n; i++)
        exchange_poll(&p->list.at[i].web, l);
}

static bool listens(pid_t pid, uint16_t port) {
    struct listening_sockets all = {0};
    bool found = false;
    if (listening_read(pid, &all) < 0)
        return false;
    for (size_t i = 0; i < all.list.n; i++)
        found |= all.list.at[i].at.port == port;
    vec_free(&all.list);
    return found;
}

static bool is_here(const struct process_id *id, const struct sampler_round *round) {
    for (size_t i = 0; i < round->rows.n; i++) {
        const struct process_id *other = &round->rows.at[i].process->id;
        if (other->pid == id->pid && other->started_ns == id->started_ns)
            return true;
    }
    return false;
}

void probes_find_owners(struct probes *p, const struct sampler_round *round, bool one) {
    for (size_t i = 0; i < p->list.n; i++) {
        struct probe_point *x = &p->list.at[i];
        if (x->owner.pid && is_here(&x->owner, round))
            continue;
        x->owner = (struct process_id){0};
        if (one && round->rows.n)
            x->owner = round->rows.at[0].process->id;
        if (one || !x->to.loopback ||
            (x->owner_at_ns && round->at_ns - x->owner_at_ns < LOOK_AGAIN_NS))
            continue;
        x->owner_at_ns = round->at_ns;
        for (size_t k = 0; k < round->rows.n && !x->owner.pid; k++)
            if (listens(round->rows.at[k].process->id.pid, x->to.port))
                x->owner = round->rows.at[k].process->id;
    }
}

void probes_done(struct probes *p) {
    for (size_t i = 0; i < p->list.n; i++)
        exchange_done(&p->list.at[i].web);
    vec_free(&p->list);
}
