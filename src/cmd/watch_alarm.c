#include "cmd/watch_alarm.h"

#include "base/clock.h"
#include "base/text.h"
#include "cmd/watch_outcome.h"
#include "kernel/process.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull

enum { LOOK_S = 600, TURN_S = 600, WEBHOOK_S = 5, AGAIN_S = 1, RUN_KEEP = 8 << 10 };
#define LOOK_KEEP ((size_t)32 << 20)
#define LEAST_BYTES (8ull << 20) /* of any file: what there is beside the heap */

struct alarm *alarm_new(const struct watch_rules *rules, size_t rule, uint64_t number,
                        struct watch_who *who, const struct sample *s, json_t *event,
                        const struct watch_reading *first) {
    struct alarm *a = mem_zalloc(sizeof *a);
    a->rules = rules;
    a->rule = rule;
    a->number = number;
    a->who = *who;
    *who = (struct watch_who){0};
    a->sample = *s;
    a->event = event;
    a->first = *first;
    a->child.fd = -1;
    return a;
}

static const struct watch_rule *rule_of(const struct alarm *a) {
    return &a->rules->list.at[a->rule];
}

static const struct watch_action *action_of(const struct alarm *a) {
    return &rule_of(a)->actions.at[a->next];
}

/* --- whose turn it is --- */

static bool take_turn(struct heavy_turn *t) {
    static const char name[] = "memwhy/heavy";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (t->fd >= 0)
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path + 1, name, sizeof name - 1);
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof name);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, n) < 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    t->fd = fd;
    return true;
}

static void give_turn_back(struct alarm *a, struct heavy_turn *t) {
    if (!a->has_turn)
        return;
    close(t->fd);
    t->fd = -1;
    a->has_turn = false;
}

/* --- what came of it --- */

static void say_outcome(struct alarm *a, const struct alarm_how *how, struct outcome *o) {
    json_t *event = event_new("action");
    const char *deed = watch_deed_name(action_of(a)->deed);
    json_t *result = outcome_json(o, deed);
    json_object_update(event, result);
    json_object_set_new(event, "alarm", json_integer((json_int_t)a->number));
    json_object_set_new(event, "rule", rule_json(a->rules, a->rule));
    if (a->who.id.pid)
        json_object_set_new(event, "process", watch_who_json(&a->who));
    json_array_append_new(json_object_get(a->event, "done"), result);
    cleanup_free char *words = outcome_words(o, action_of(a)->text);
    char *text = a->who.id.pid ? mem_printf("%d  %s: %s", (int)a->who.id.pid, deed, words)
                               : mem_printf("%s: %s", deed, words);
    event_say(how->run, event, text);
    outcome_done(o);
    give_turn_back(a, how->turn);
    child_done(&a->child);
    exchange_done(&a->web);
    free(a->place.path);
    a->place = (struct watch_place){0};
    a->going = false;
    a->tries = 0;
    a->waits_ns = 0;
    a->next++;
}

static void refuse(struct alarm *a, const struct alarm_how *how, const char *what, const char *why,
                   const char *hint) {
    struct outcome o = {.kind = what, .why = mem_strdup(why), .hint = mem_strdup(hint)};
    say_outcome(a, how, &o);
}

/* --- looks: memwhy's own commands --- */

static bool is_there(const struct watch_who *w) {
    struct process p;
    if (process_read("", w->id.pid, 0, &p) < 0)
        return false;
    bool same = p.started_ns == w->id.started_ns && p.state != 'Z';
    process_done(&p);
    return same;
}

/* How large the file may well become: a snapshot up to twice the heap, a packed core half of the
 * memory. */
static uint64_t want_bytes(const struct alarm *a, enum watch_deed deed) {
    uint64_t n = 0;
    if (deed == WATCH_SNAPSHOT && sample_get(&a->sample, SAMPLE_HEAP_USED, &n))
        return 2 * n + LEAST_BYTES;
    sample_get(&a->sample, SAMPLE_RSS, &n);
    return (deed == WATCH_SNAPSHOT ? n : n / 2) + LEAST_BYTES;
}

static bool find_place(struct alarm *a, const struct alarm_how *how) {
    struct err e = {0};
    const struct watch_action *x = action_of(a);
    const char *ending = x->deed == WATCH_CAPTURE ? ".core.zst" : ".heapsnapshot";
    if (watch_files_place(x->text, rule_of(a)->budget_bytes, want_bytes(a, x->deed), a->who.id.pid,
                          (unsigned)a->rule + 1, ending, &a->place, &e) == 0)
        return true;
    refuse(a, how, "refused", e.what, e.hint);
    return false;
}

static void start_look(struct alarm *a, const struct alarm_how *how) {
    const struct watch_action *x = action_of(a);
    char pid[16], span[32];
    if (x->deed != WATCH_GROWTH && !find_place(a, how))
        return;
    snprintf(pid, sizeof pid, "%d", (int)a->who.id.pid);
    snprintf(span, sizeof span, "--for=%" PRIu64 "ns", x->time_ns);
    char command[16];
    snprintf(command, sizeof command, "%s", watch_deed_name(x->deed));
    char *argv[8] = {"memwhy", command, pid, "--json"};
    if (x->deed == WATCH_GROWTH) {
        argv[4] = span;
    } else {
        argv[4] = "-o";
        argv[5] = a->place.path;
        argv[6] = x->redact ? "--redact" : NULL;
    }
    child_start(&a->child, &(struct child_how){.path = "/proc/self/exe",
                                               .argv = argv,
                                               .envp = environ,
                                               .timeout_ns = LOOK_S * SECOND_NS + x->time_ns,
                                               .file_bytes = a->place.most_bytes,
                                               .keep = LOOK_KEEP});
    a->going = true;
}

static void begin_look(struct alarm *a, const struct alarm_how *how) {
    if (!a->who.id.pid) {
        refuse(a, how, "refused", "none of the processes that are watched listens at that URL",
               "Give the process id of the one that answers there.");
        return;
    }
    if (!is_there(&a->who)) {
        refuse(a, how, "refused", "the process is gone", "");
        return;
    }
    uint64_t now = clock_ns();
    a->waits_ns = a->waits_ns ? a->waits_ns : now;
    if (take_turn(how->turn)) {
        a->has_turn = true;
        start_look(a, how);
    } else if (now - a->waits_ns > TURN_S * SECOND_NS) {
        refuse(a, how, "refused", "another look at a process of this host took too long",
               "One is taken at a time.");
    }
}

/* --- commands --- */

/* Values come through the environment alone: what a process calls itself is never part of a
 * command. */
static void set(char ***at, const char *name, char *value) {
    *(*at)++ = mem_printf("%s=%s", name, value);
    free(value);
}

static char **environment(const struct alarm *a) {
    enum { OURS = 16 };
    size_t n = 0;
    while (environ[n])
        n++;
    char **all = mem_zalloc((n + OURS) * sizeof *all), **at = all;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "MEMWHY_", 7) != 0 || strncmp(environ[i], "MEMWHY_DEBUG=", 13) == 0)
            *at++ = mem_strdup(environ[i]);
    set(&at, "MEMWHY_RULE", text_printable(rule_of(a)->text));
    set(&at, "MEMWHY_RULE_NUMBER", mem_printf("%zu", a->rule + 1));
    set(&at, "MEMWHY_EVENT", json_dumps(a->event, JSON_COMPACT | JSON_REAL_PRECISION(12)));
    if (a->first.has_value)
        set(&at, "MEMWHY_VALUE", mem_printf("%.12g", a->first.value));
    if (a->first.has_limit)
        set(&at, "MEMWHY_LIMIT", mem_printf("%.12g", a->first.limit));
    if (a->file)
        set(&at, "MEMWHY_FILE", mem_strdup(a->file));
    if (a->who.id.pid) {
        set(&at, "MEMWHY_PID", mem_printf("%d", (int)a->who.id.pid));
        set(&at, "MEMWHY_NAME", text_printable(a->who.name));
        set(&at, "MEMWHY_COMMAND", text_printable(a->who.command));
    }
    return all;
}

static void begin_run(struct alarm *a) {
    const struct watch_action *x = action_of(a);
    char *argv[] = {"sh", "-c", x->text, NULL};
    char **envp = environment(a);
    child_start(&a->child, &(struct child_how){.path = "/bin/sh",
                                               .argv = argv,
                                               .envp = envp,
                                               .strange = true,
                                               .errors = true,
                                               .timeout_ns = x->time_ns,
                                               .keep = RUN_KEEP});
    for (char **e = envp; *e; e++)
        free(*e);
    free(envp);
    a->going = true;
}

static void end_child(struct alarm *a, const struct alarm_how *how) {
    struct outcome o;
    enum watch_deed deed = action_of(a)->deed;
    outcome_of_child(&a->child, deed, &a->place, &o);
    if (a->hurried && strcmp(o.kind, "done") != 0) {
        free(o.why);
        o.why = mem_strdup("the watching ended");
    }
    if (o.file) {
        free(a->file);
        a->file = mem_strdup(o.file);
        json_object_set_new(a->event, "file", text_json(o.file));
    }
    say_outcome(a, how, &o);
}

/* --- webhooks --- */

static void begin_post(struct alarm *a, const struct alarm_how *how) {
    if (clock_ns() < a->again_ns)
        return;
    cleanup_free char *body = json_dumps(a->event, JSON_COMPACT | JSON_REAL_PRECISION(12));
    exchange_begin(&a->web, web_book_find(how->book, action_of(a)->text), 0, body,
                   WEBHOOK_S * SECOND_NS);
    a->going = true;
    a->tries++;
}

/* Once more, when it may have been the moment. */
static void end_post(struct alarm *a, const struct alarm_how *how) {
    struct outcome o;
    bool taken = a->web.state == EXCHANGE_ANSWERED && a->web.status < 300;
    if (!taken && a->tries < 2 && !a->hurried) {
        exchange_done(&a->web);
        a->going = false;
        a->again_ns = clock_ns() + AGAIN_S * SECOND_NS;
        return;
    }
    outcome_of_exchange(&a->web, a->tries, &o);
    say_outcome(a, how, &o);
}

/* --- one after the other --- */

static void begin(struct alarm *a, const struct alarm_how *how) {
    const struct watch_action *x = action_of(a);
    if (x->deed == WATCH_PRINT) {
        a->next++; /* the alarm has been printed */
    } else if (how->dry) {
        refuse(a, how, "dry-run", "this is a dry run", "");
    } else if (a->hurried) {
        refuse(a, how, "refused", "the watching ended", "");
    } else if (watch_action_is_heavy(x)) {
        begin_look(a, how);
    } else if (x->deed == WATCH_RUN) {
        begin_run(a);
    } else {
        begin_post(a, how);
    }
}

bool alarm_step(struct alarm *a, const struct alarm_how *how) {
    size_t n = rule_of(a)->actions.n;
    for (size_t before = SIZE_MAX; a->next < n && a->next != before;) {
        before = a->next;
        if (!a->going)
            begin(a, how);
        if (!a->going)
            continue;
        if (action_of(a)->deed != WATCH_WEBHOOK) {
            if (child_step(&a->child))
                end_child(a, how);
        } else if (exchange_step(&a->web)) {
            end_post(a, how);
        }
    }
    return a->next == n;
}

void alarm_hurry(struct alarm *a) {
    a->hurried = true;
    child_hurry(&a->child);
    a->web.timeout_ns = a->web.timeout_ns < SECOND_NS ? a->web.timeout_ns : SECOND_NS;
}

void alarm_poll(const struct alarm *a, struct poll_list *l) {
    child_poll(&a->child, l);
    exchange_poll(&a->web, l);
}

bool alarm_has_child(const struct alarm *a) {
    return a->child.pid != 0;
}

void alarm_free(struct alarm *a, const struct alarm_how *how) {
    give_turn_back(a, how->turn);
    child_done(&a->child);
    exchange_done(&a->web);
    watch_who_done(&a->who);
    json_decref(a->event);
    free(a->place.path);
    free(a->file);
    free(a);
}
