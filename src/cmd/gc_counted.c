#include "cmd/gc_counted.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "collect/sampler.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define EVERY_NS UINT64_C(250000000)

struct counted {
    struct process_id id;
    struct sample first, last; /* with counts */
    bool known;
};

struct counting {
    struct run *r;
    VEC(struct counted) list;
    uint64_t told;
    const char *no_v8; /* why of one of them nothing is known */
};

static void came(void *ctx, const struct process_id *id) {
    struct counting *c = ctx;
    vec_push(&c->list, (struct counted){.id = *id});
}

static void gone(void *ctx, const struct process_id *id) {
    (void)ctx, (void)id;
}

/* By how much a counter rose; 0 when it is not known in both. */
static uint64_t rise(const struct sample *a, const struct sample *b, enum sample_field f) {
    uint64_t before, after;
    return sample_get(a, f, &before) && sample_get(b, f, &after) && after > before ? after - before
                                                                                   : 0;
}

static void print_json(const struct counting *c, const char *event, const struct counted *p,
                       const struct sample *from, const struct sample *to) {
    json_t *line = json_pack("{s:s, s:s, s:s, s:i}", "schema", "memwhy/1", "command", "gc-trace",
                             "event", event, "pid", (int)p->id.pid);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"time_ns", to->time_ns},
                   {"within_ns", to->at_ns - from->at_ns},
                   {"minor", rise(from, to, SAMPLE_GC_MINOR)},
                   {"major", rise(from, to, SAMPLE_GC_MAJOR)}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(line, numbers[i].name, json_integer((json_int_t)numbers[i].value));
    json_dumpf(line, c->r->out, JSON_COMPACT);
    fputc('\n', c->r->out);
    json_decref(line);
}

static void print(const struct counting *c, const char *event, const struct counted *p,
                  const struct sample *from, const struct sample *to) {
    char within[FMT_MAX];
    if (c->r->json)
        print_json(c, event, p, from, to);
    else
        fprintf(c->r->out,
                "[%d] %" PRIu64 " scavenges, %" PRIu64 " mark-compacts within %s; pauses unknown\n",
                (int)p->id.pid, rise(from, to, SAMPLE_GC_MINOR), rise(from, to, SAMPLE_GC_MAJOR),
                fmt_duration(within, to->at_ns - from->at_ns));
}

static void take(struct counting *c, const struct sampler_row *row) {
    uint64_t count;
    for (size_t i = 0; i < c->list.n; i++) {
        struct counted *p = &c->list.at[i];
        if (p->id.pid != row->process->id.pid || p->id.started_ns != row->process->id.started_ns)
            continue;
        if (!sample_get(&row->sample, SAMPLE_GC_MAJOR, &count)) {
            c->no_v8 = row->process->no_v8;
            continue;
        }
        uint64_t rose = p->known ? rise(&p->last, &row->sample, SAMPLE_GC_MINOR) +
                                       rise(&p->last, &row->sample, SAMPLE_GC_MAJOR)
                                 : 0;
        if (rose)
            print(c, "counted", p, &p->last, &row->sample);
        if (!p->known)
            p->first = row->sample;
        p->known = true;
        p->last = row->sample;
        c->told += rose;
    }
}

static int round_of(struct counting *c, struct sampler *s, struct sampler_round *round) {
    int rc = sampler_take(s, round, &c->r->err);
    for (size_t i = 0; rc == 0 && i < round->rows.n; i++)
        take(c, &round->rows.at[i]);
    fflush(c->r->out);
    return rc;
}

/* Is there any of which something is known? */
static int check(const struct counting *c) {
    for (size_t i = 0; i < c->list.n; i++)
        if (c->list.at[i].known)
            return 0;
    if (!c->list.n)
        return 0;
    return err_set(&c->r->err, -ENODATA, "",
                   "Nor can collections be counted from V8's own counters. %s",
                   c->no_v8 ? c->no_v8 : "It is no Node process that memwhy can see.");
}

static void say_begin(const struct counting *c) {
    if (!c->r->json)
        return;
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:I, s:I}", "schema", "memwhy/1", "command", "gc-trace", "event",
                  "began", "at_ns", (json_int_t)clock_ns(), "processes", (json_int_t)c->list.n);
    json_dumpf(line, c->r->out, JSON_COMPACT);
    fputc('\n', c->r->out);
    fflush(c->r->out);
    json_decref(line);
}

/* Until the time is over, enough was told, a signal came, or all have ended; the last round is
 * taken after that. */
static int count(struct counting *c, struct gc_watch *w, const struct gc_counted *how,
                 struct sampler *s) {
    const struct gc_watcher watcher = {came, gone, c};
    const struct timespec pause = {.tv_nsec = EVERY_NS};
    struct sampler_round round = {0};
    bool over = false;
    gc_watch_look(w, &watcher);
    int rc = round_of(c, s, &round);
    if (rc == 0)
        rc = check(c);
    if (rc == 0)
        say_begin(c);
    while (rc == 0 && !over) {
        nanosleep(&pause, NULL);
        over = *how->stop || (how->until_ns && clock_ns() >= how->until_ns);
        over |= gc_watch_look(w, &watcher) == 0;
        rc = round_of(c, s, &round);
        over |= how->most && c->told >= how->most;
    }
    for (size_t i = 0; rc == 0 && i < c->list.n; i++)
        if (c->list.at[i].known)
            print(c, "summary", &c->list.at[i], &c->list.at[i].first, &c->list.at[i].last);
    sampler_round_done(&round);
    return rc;
}

int gc_counted_run(struct run *r, struct gc_watch *w, const struct gc_counted *how) {
    struct counting c = {.r = r};
    const struct sampler_query q = {.root = ""};
    struct sampler *s;
    int rc = sampler_new(&q, &s, &r->err);
    if (rc == 0) {
        rc = count(&c, w, how, s);
        sampler_free(s);
    }
    vec_free(&c.list);
    return rc;
}
