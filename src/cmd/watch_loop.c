#include "cmd/watch_loop.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/watch_alarm.h"
#include "cmd/watch_pauses.h"
#include "cmd/watch_probes.h"
#include "watch/words.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SECOND_NS 1000000000ull
#define MS_NS 1000000ull

/* Alarms whose actions are not done yet; more are printed, and nothing is done for them. */
enum { ALARMS_MOST = 256, CHILD_MS = 20, WAIT_MS = 500 };
#define SAY_AGAIN_NS (30 * SECOND_NS) /* that a rule is known, or no longer: not every second */
#define LAST_NS (5 * SECOND_NS)       /* for what runs when we are told to end */

struct said {
    enum { SAID_NOTHING, SAID_UNKNOWN, SAID_KNOWN } what;
    uint64_t at_ns;
};

struct watched {
    struct watch_who who;
    struct watch_process *process;
    struct said *said; /* of each rule */
    struct watch_lacks lacks;
    bool here;
};

struct watching {
    struct run *run;
    const struct watch_how *how;
    const struct watch_rules *rules;
    struct sampler *sampler;
    struct sampler_round round;
    struct probes probes;
    struct watch_pauses pauses;
    struct web_book book;
    struct heavy_turn turn;
    VEC(struct watched *) watched;
    struct table *ends;     /* how the rules stood with those that are gone */
    struct watched *nobody; /* rules on an endpoint of which nobody knows who answers there */
    VEC(struct alarm *) alarms;
    uint64_t n_fired;
    bool ending; /* no more rounds: what was begun is done */
};

/* --- how each rule stands in the end --- */

enum { E_RULE, E_PID, E_STATE, E_FIRED, E_READING, E_COLUMNS };
static const struct column end_columns[E_COLUMNS] = {
    [E_RULE] = {"rule", "RULE", COL_COUNT},   [E_PID] = {"pid", "PID", COL_TEXT},
    [E_STATE] = {"state", "STATE", COL_TEXT}, [E_FIRED] = {"fired", "FIRED", COL_COUNT},
    [E_READING] = {"text", "LAST", COL_TEXT},
};

static void end_row(const struct watching *w, struct table *t, const struct watched *one,
                    size_t rule) {
    static const char *const states[] = {"unknown", "no", "holds"};
    const struct guard *g = watch_process_guard(one->process, rule);
    if (!g->at_ns)
        return; /* another's */
    cleanup_free char *words =
        readings_words(w->rules, rule, watch_process_readings(one->process, rule), -1);
    cleanup_free char *shown = text_printable(words);
    table_row(t);
    table_u64(t, E_RULE, rule + 1);
    if (one->who.id.pid) {
        char pid[16];
        snprintf(pid, sizeof pid, "%d", (int)one->who.id.pid);
        table_text(t, E_PID, pid);
    }
    table_text(t, E_STATE, states[g->truth]);
    table_u64(t, E_FIRED, g->fired);
    table_text(t, E_READING, shown);
}

static void end_rows(const struct watching *w, struct table *t, const struct watched *one) {
    for (size_t i = 0; i < w->rules->list.n; i++)
        end_row(w, t, one, i);
}

/* --- who is watched --- */

static struct watched *watched_new(const struct watch_rules *rules, struct watch_who *who) {
    struct watched *w = mem_zalloc(sizeof *w);
    w->who = *who;
    w->process = watch_process_new(rules);
    w->said = mem_zalloc(rules->list.n * sizeof *w->said);
    return w;
}

static void watched_free(struct watched *w) {
    if (!w)
        return;
    watch_who_done(&w->who);
    watch_process_free(w->process);
    free(w->said);
    free(w);
}

static struct watched *find(const struct watching *w, const struct process_id *id) {
    for (size_t i = 0; i < w->watched.n; i++) {
        const struct process_id *other = &w->watched.at[i]->who.id;
        if (other->pid == id->pid && other->started_ns == id->started_ns)
            return w->watched.at[i];
    }
    return NULL;
}

static struct watched *welcome(struct watching *w, const struct sampler_row *row) {
    struct watch_who who;
    watch_who_of(row->process, &who);
    watch_pauses_welcome(&w->pauses, who.id);
    cleanup_free char *sizes = sample_words(&row->sample);
    char *text =
        mem_printf("%d  %.80s%s%s%s: %s", (int)who.id.pid, *who.command ? who.command : who.name,
                   *who.version ? " (Node " : "", who.version, *who.version ? ")" : "", sizes);
    json_t *event = event_new("came");
    json_object_set_new(event, "process", watch_who_json(&who));
    json_object_set_new(event, "sample", sample_json(&row->sample));
    event_say(w->run, event, text);
    struct watched *one = watched_new(w->rules, &who);
    vec_push(&w->watched, one);
    return one;
}

static void part_with(struct watching *w) {
    size_t kept = 0;
    for (size_t i = 0; i < w->watched.n; i++) {
        struct watched *one = w->watched.at[i];
        if (one->here) {
            w->watched.at[kept++] = one;
            continue;
        }
        const struct sample *s = watch_process_sample(one->process);
        cleanup_free char *sizes = sample_words(s);
        json_t *event = event_new("gone");
        json_object_set_new(event, "process", watch_who_json(&one->who));
        json_object_set_new(event, "sample", sample_json(s));
        event_say(
            w->run, event,
            mem_printf("%d  is gone; at the last look it had %s", (int)one->who.id.pid, sizes));
        if (w->how->who.n_pids) /* else there may be any number of them */
            end_rows(w, w->ends, one);
        watch_pauses_part(&w->pauses, one->who.id);
        watched_free(one);
    }
    w->watched.n = kept;
}

/* --- what a rule says of one --- */

static char *whose(const struct watched *one, size_t rule, const char *text) {
    if (one->who.id.pid)
        return mem_printf("%d  rule %zu %s", (int)one->who.id.pid, rule + 1, text);
    return mem_printf("rule %zu %s", rule + 1, text);
}

static json_t *rule_event(struct watching *w, struct watched *one, size_t rule, const char *kind) {
    json_t *event = event_new(kind);
    json_object_set_new(event, "rule", rule_json(w->rules, rule));
    if (one->who.id.pid)
        json_object_set_new(event, "process", watch_who_json(&one->who));
    json_object_set_new(event, "conditions",
                        readings_json(w->rules, rule, watch_process_readings(one->process, rule)));
    return event;
}

/* That it cannot be judged, or can again: said when it changes, and not more often than that. */
static void say_state(struct watching *w, struct watched *one, size_t rule, enum watch_truth is) {
    struct said *said = &one->said[rule];
    int now = is == WATCH_UNKNOWN ? SAID_UNKNOWN : SAID_KNOWN;
    if (said->what == (unsigned)now ||
        (said->what != SAID_NOTHING && w->round.at_ns - said->at_ns < SAY_AGAIN_NS))
        return;
    bool first = said->what == SAID_NOTHING;
    said->what = now;
    said->at_ns = w->round.at_ns;
    if (first && now == SAID_KNOWN)
        return;
    const struct watch_reading *r = watch_process_readings(one->process, rule);
    cleanup_free char *words =
        readings_words(w->rules, rule, r, now == SAID_UNKNOWN ? (int)WATCH_UNKNOWN : -1);
    cleanup_free char *text =
        mem_printf(now == SAID_UNKNOWN ? "cannot be judged: %s" : "can be judged now: %s", words);
    event_say(w->run, rule_event(w, one, rule, now == SAID_UNKNOWN ? "unknown" : "known"),
              whose(one, rule, text));
}

static char *alarm_words(const struct watching *w, const struct watched *one, size_t rule,
                         const struct sample *s) {
    char time[FMT_MAX], held[FMT_MAX + 16] = "";
    const struct watch_rule *r = &w->rules->list.at[rule];
    cleanup_free char *words =
        readings_words(w->rules, rule, watch_process_readings(one->process, rule), -1);
    cleanup_free char *sizes = sample_words(s);
    const struct guard *g = watch_process_guard(one->process, rule);
    if (r->for_ns)
        snprintf(held, sizeof held, ", for %s", watch_time_text(time, g->held_ns));
    if (r->of_n)
        snprintf(held, sizeof held, ", %u times in %u", r->of_n, r->of_m);
    cleanup_free char *text =
        mem_printf("ALARM: %s%s%s%s%s", words, held, one->who.id.pid ? " [" : "",
                   one->who.id.pid ? sizes : "", one->who.id.pid ? "]" : "");
    return whose(one, rule, text);
}

static void sound(struct watching *w, struct watched *one, size_t rule) {
    const struct sample *s = watch_process_sample(one->process);
    const struct watch_rule *r = &w->rules->list.at[rule];
    const struct guard *g = watch_process_guard(one->process, rule);
    json_t *event = rule_event(w, one, rule, "alarm"), *actions = json_array();
    json_object_set_new(event, "alarm", json_integer((json_int_t)++w->n_fired));
    json_object_set_new(event, "held_ns", json_integer((json_int_t)g->held_ns));
    json_object_set_new(event, "sample", sample_json(s));
    for (size_t i = 0; i < r->actions.n; i++)
        json_array_append_new(actions, json_string(watch_deed_name(r->actions.at[i].deed)));
    json_object_set_new(event, "actions", actions);
    json_t *kept = json_deep_copy(event);
    json_object_set_new(kept, "done", json_array());
    event_say(w->run, event, alarm_words(w, one, rule, s));
    if (w->how->exit_on_alarm)
        w->ending = true;
    if (w->alarms.n >= ALARMS_MOST) {
        event_say(w->run, rule_event(w, one, rule, "dropped"),
                  whose(one, rule, "is not acted on: the actions of too many alarms are waiting"));
        json_decref(kept);
        return;
    }
    struct watch_who who;
    watch_who_copy(&one->who, &who);
    vec_push(&w->alarms, alarm_new(w->rules, rule, w->n_fired, &who, s, kept,
                                   watch_process_readings(one->process, rule)));
}

static void judge(struct watching *w, struct watched *one, size_t rule,
                  const struct watch_probe *probe) {
    struct watch_news news = watch_process_judge(one->process, rule, probe, &one->lacks);
    say_state(w, one, rule, news.is);
    if (news.guard == GUARD_FIRES)
        sound(w, one, rule);
    if (news.guard == GUARD_CLEARS) {
        cleanup_free char *words =
            readings_words(w->rules, rule, watch_process_readings(one->process, rule), WATCH_NO);
        cleanup_free char *text = mem_printf("holds no longer: %s", words);
        event_say(w->run, rule_event(w, one, rule, "clear"), whose(one, rule, text));
    }
}

/* --- a round --- */

static void judge_all(struct watching *w, struct watched *one, bool endpoints_only) {
    for (size_t i = 0; i < w->rules->list.n; i++) {
        size_t endpoint;
        const struct probe_point *at = NULL;
        if (watch_rule_asks(&w->rules->list.at[i], &endpoint)) {
            at = &w->probes.list.at[endpoint];
            if (at->owner.pid != one->who.id.pid)
                continue;
        } else if (endpoints_only) {
            continue;
        }
        judge(w, one, i, at ? &at->last : NULL);
    }
}

static int take_round(struct watching *w) {
    int rc = sampler_take(w->sampler, &w->round, &w->run->err);
    if (rc < 0)
        return rc;
    probes_find_owners(&w->probes, &w->round, w->how->who.n_pids == 1);
    watch_pauses_fetch(&w->pauses);
    for (size_t i = 0; i < w->watched.n; i++)
        w->watched.at[i]->here = false;
    for (size_t i = 0; i < w->round.rows.n; i++) {
        struct sampler_row *row = &w->round.rows.at[i];
        struct watched *one = find(w, &row->process->id);
        if (!one)
            one = welcome(w, row);
        one->here = true;
        one->lacks.v8 = row->process->no_v8;
        one->lacks.gc = watch_pauses_sample(&w->pauses, row->process->id, &row->sample);
        watch_process_add(one->process, &row->sample);
        judge_all(w, one, false);
    }
    part_with(w);
    struct sample now = {.time_ns = w->round.time_ns, .at_ns = w->round.at_ns};
    watch_process_add(w->nobody->process, &now);
    judge_all(w, w->nobody, true);
    if (w->how->who.n_pids && !w->watched.n)
        w->ending = true;
    probes_ask(&w->probes);
    return 0;
}

/* --- beside the rounds --- */

static struct alarm_how alarm_how(struct watching *w) {
    return (struct alarm_how){
        .run = w->run, .dry = w->how->dry, .turn = &w->turn, .book = &w->book};
}

/* True when something is under way of whose end nothing wakes us. */
static bool step_alarms(struct watching *w) {
    struct alarm_how how = alarm_how(w);
    size_t kept = 0;
    bool child = false;
    for (size_t i = 0; i < w->alarms.n; i++) {
        struct alarm *a = w->alarms.at[i];
        if (alarm_step(a, &how)) {
            alarm_free(a, &how);
            continue;
        }
        child |= alarm_has_child(a);
        w->alarms.at[kept++] = a;
    }
    w->alarms.n = kept;
    return child;
}

/* Until something can be read or written, or `until_ns`, or a moment. */
static void wait_for(struct watching *w, uint64_t until_ns, bool child) {
    struct poll_list l = {0};
    uint64_t now = clock_ns(), ms = until_ns > now ? (until_ns - now) / MS_NS + 1 : 0;
    uint64_t most = child ? CHILD_MS : w->alarms.n || w->probes.list.n ? WAIT_MS / 5 : WAIT_MS;
    probes_poll(&w->probes, &l);
    for (size_t i = 0; i < w->alarms.n; i++)
        alarm_poll(w->alarms.at[i], &l);
    poll(l.list.at, l.list.n, (int)(ms < most ? ms : most));
    vec_free(&l.list);
}

static int watch_rounds(struct watching *w) {
    uint64_t began = clock_ns(), next = began, end = w->how->for_ns ? began + w->how->for_ns : 0;
    while (!atomic_load(w->how->stop) && !w->ending) {
        uint64_t now = clock_ns();
        if (end && now >= end)
            break;
        if (now >= next) {
            int rc = take_round(w);
            if (rc < 0)
                return rc;
            now = clock_ns();
            next += (now - next) / w->how->every_ns * w->how->every_ns + w->how->every_ns;
        }
        probes_step(&w->probes);
        bool child = step_alarms(w);
        if (!w->ending)
            wait_for(w, end && end < next ? end : next, child);
    }
    return 0;
}

/* What was begun is done; but little of it when we are told to end. */
static void finish(struct watching *w) {
    uint64_t hurried_ns = 0;
    while (w->alarms.n) {
        if (atomic_load(w->how->stop) && !hurried_ns) {
            hurried_ns = clock_ns();
            for (size_t i = 0; i < w->alarms.n; i++)
                alarm_hurry(w->alarms.at[i]);
        }
        if (hurried_ns && clock_ns() - hurried_ns > LAST_NS)
            break;
        bool child = step_alarms(w);
        if (w->alarms.n)
            wait_for(w, clock_ns() + SECOND_NS, child);
    }
}

/* --- at the beginning and at the end --- */

static void say_begin(struct watching *w) {
    char every[FMT_MAX];
    json_t *event = event_new("begin"), *list = json_array();
    for (size_t i = 0; i < w->rules->list.n; i++) {
        json_t *rule = rule_json(w->rules, i);
        cleanup_free char *words = watch_rule_words(w->rules, &w->rules->list.at[i]);
        json_object_set_new(rule, "words", text_json(words));
        json_array_append_new(list, rule);
    }
    json_object_set_new(event, "rules", list);
    json_object_set_new(event, "every_ns", json_integer((json_int_t)w->how->every_ns));
    event_say(w->run, event,
              mem_printf("watching: %zu rule%s, every %s%s", w->rules->list.n,
                         w->rules->list.n == 1 ? "" : "s", watch_time_text(every, w->how->every_ns),
                         w->how->dry ? ", a dry run" : ""));
}

static void say_end(struct watching *w) {
    struct sampler_cost cost;
    struct table *t = w->ends;
    char cpu[FMT_MAX];
    sampler_cost(w->sampler, &cost);
    for (size_t i = 0; i < w->watched.n; i++)
        end_rows(w, t, w->watched.at[i]);
    end_rows(w, t, w->nobody);
    json_t *event = event_new("end");
    json_object_set_new(event, "alarms", json_integer((json_int_t)w->n_fired));
    json_object_set_new(event, "rounds", json_integer((json_int_t)cost.rounds));
    json_object_set_new(event, "cpu_ns", json_integer((json_int_t)cost.cpu_ns));
    json_object_set_new(event, "states", table_to_json(t));
    event_say(w->run, event,
              mem_printf("the end: %" PRIu64 " alarm%s; %" PRIu64 " round%s took %s of CPU",
                         w->n_fired, w->n_fired == 1 ? "" : "s", cost.rounds,
                         cost.rounds == 1 ? "" : "s", fmt_duration(cpu, cost.cpu_ns)));
    if (!w->run->json && table_rows(t)) {
        fputc('\n', w->run->out);
        table_print(t, w->run->out, w->run->width);
    }
}

static int find_webhooks(struct watching *w) {
    int rc = 0;
    for (size_t i = 0; i < w->rules->list.n; i++)
        for (size_t k = 0; rc == 0 && k < w->rules->list.at[i].actions.n; k++)
            if (w->rules->list.at[i].actions.at[k].deed == WATCH_WEBHOOK)
                rc = web_book_add(&w->book, w->rules->list.at[i].actions.at[k].text, &w->run->err);
    return rc;
}

static void watching_done(struct watching *w) {
    struct alarm_how how = alarm_how(w);
    for (size_t i = 0; i < w->alarms.n; i++)
        alarm_free(w->alarms.at[i], &how);
    for (size_t i = 0; i < w->watched.n; i++)
        watched_free(w->watched.at[i]);
    vec_free(&w->alarms);
    vec_free(&w->watched);
    watched_free(w->nobody);
    table_free(w->ends);
    probes_done(&w->probes);
    watch_pauses_done(&w->pauses);
    vec_free(&w->book.list);
    sampler_round_done(&w->round);
    sampler_free(w->sampler);
}

int watch_loop(struct run *r, const struct watch_how *how) {
    struct watching w = {.run = r,
                         .how = how,
                         .rules = how->rules,
                         .turn = {.fd = -1},
                         .ends = table_new(end_columns, E_COLUMNS)};
    int rc = probes_new(how->rules, &w.probes, &r->err);
    if (rc == 0)
        rc = find_webhooks(&w);
    if (rc == 0)
        rc = sampler_new(&how->who, &w.sampler, &r->err);
    if (rc == 0) {
        watch_pauses_begin(how->rules, &w.pauses);
        w.nobody = watched_new(how->rules, &(struct watch_who){0});
        say_begin(&w);
        rc = watch_rounds(&w);
        finish(&w);
        say_end(&w);
        rc = rc < 0 ? rc : w.n_fired > 0;
    }
    watching_done(&w);
    return rc;
}
