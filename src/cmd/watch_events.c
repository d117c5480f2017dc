#include "cmd/watch_events.h"

#include "base/fmt.h"
#include "base/text.h"
#include "watch/words.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

static uint64_t wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void put_real(json_t *o, const char *key, double v) {
    if (isfinite(v)) /* else it is not known: JSON has no word for it either */
        json_object_set_new(o, key, json_real(v));
}

json_t *event_new(const char *kind) {
    char stamp[32];
    struct tm tm;
    uint64_t now = wall_ns();
    time_t seconds = (time_t)(now / 1000000000u);
    gmtime_r(&seconds, &tm);
    size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp + n, sizeof stamp - n, ".%03uZ", (unsigned)(now / 1000000 % 1000));
    json_t *event = json_pack("{s:s, s:s, s:s, s:s}", "schema", "memwhy/1", "command", "watch",
                              "event", kind, "time", stamp);
    put_u64(event, "time_ns", now);
    return event;
}

void event_say(struct run *r, json_t *event, char *text) {
    if (r->json) {
        json_dumpf(event, r->out, JSON_COMPACT | JSON_REAL_PRECISION(12));
        fputc('\n', r->out);
    } else {
        char stamp[32];
        struct tm tm;
        time_t now = time(NULL);
        localtime_r(&now, &tm);
        strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
        cleanup_free char *shown = text_printable(text);
        fprintf(r->out, "%s  %s\n", stamp, shown);
    }
    fflush(r->out);
    json_decref(event);
    free(text);
}

void watch_who_of(const struct sampled_process *p, struct watch_who *ret) {
    *ret = (struct watch_who){.id = p->id,
                              .name = mem_strdup(p->name),
                              .command = mem_strdup(p->command ? p->command : ""),
                              .version = mem_strdup(p->version)};
}

void watch_who_copy(const struct watch_who *w, struct watch_who *ret) {
    *ret = (struct watch_who){.id = w->id,
                              .name = mem_strdup(w->name ? w->name : ""),
                              .command = mem_strdup(w->command ? w->command : ""),
                              .version = mem_strdup(w->version ? w->version : "")};
}

void watch_who_done(struct watch_who *w) {
    free(w->name);
    free(w->command);
    free(w->version);
    *w = (struct watch_who){0};
}

json_t *watch_who_json(const struct watch_who *w) {
    json_t *o = json_object();
    put_u64(o, "pid", (uint64_t)w->id.pid);
    put_u64(o, "started_ns", w->id.started_ns);
    if (w->name && *w->name)
        json_object_set_new(o, "name", text_json(w->name));
    if (w->command && *w->command)
        json_object_set_new(o, "command", text_json(w->command));
    if (w->version && *w->version)
        json_object_set_new(o, "node_version", text_json(w->version));
    return o;
}

json_t *sample_json(const struct sample *s) {
    json_t *o = json_object();
    uint64_t v;
    put_u64(o, "time_ns", s->time_ns);
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        if (sample_get(s, (enum sample_field)f, &v))
            put_u64(o, sample_field_info((enum sample_field)f)->name, v);
    return o;
}

char *sample_words(const struct sample *s) {
    static const struct {
        enum sample_field field;
        const char *name;
    } shown[] = {{SAMPLE_RSS, "rss"},
                 {SAMPLE_HEAP_USED, "heap_used"},
                 {SAMPLE_OLD_GENERATION_LIMIT, "old_generation_limit"},
                 {SAMPLE_EXTERNAL, "external"},
                 {SAMPLE_CGROUP_CURRENT, "cgroup_current"},
                 {SAMPLE_CGROUP_LIMIT, "cgroup_limit"}};
    char text[512] = "", size[FMT_MAX];
    size_t n = 0;
    uint64_t v;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (sample_get(s, shown[i].field, &v) && n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", n ? ", " : "",
                                  shown[i].name, fmt_bytes(size, v));
    return mem_strdup(n ? text : "nothing is known of its memory");
}

json_t *rule_json(const struct watch_rules *rules, size_t rule) {
    const struct watch_rule *r = &rules->list.at[rule];
    json_t *o = json_object();
    put_u64(o, "number", rule + 1);
    put_u64(o, "line", r->line);
    json_object_set_new(o, "text", text_json(r->text));
    return o;
}

json_t *readings_json(const struct watch_rules *rules, size_t rule,
                      const struct watch_reading *readings) {
    static const char *const truths[] = {"unknown", "no", "yes"};
    const struct watch_rule *r = &rules->list.at[rule];
    json_t *list = json_array();
    for (size_t i = 0; i < r->terms.n; i++) {
        const struct watch_reading *x = &readings[i];
        const struct watch_term *t = &r->terms.at[i];
        cleanup_free char *words = watch_reading_words(rules, t, x);
        json_t *o =
            json_pack("{s:s, s:s}", "holds", truths[x->truth], "unit", watch_unit_name(t->unit));
        json_object_set_new(o, "text", text_json(words));
        if (x->has_value)
            put_real(o, "value", x->value);
        if (x->has_limit)
            put_real(o, "limit", x->limit);
        if (x->has_interval) {
            put_real(o, "low", x->low);
            put_real(o, "high", x->high);
        }
        if (x->status)
            put_u64(o, "status", (uint64_t)x->status);
        if (t->window_ns)
            put_u64(o, "window_ns", t->window_ns);
        json_array_append_new(list, o);
    }
    return list;
}

char *readings_words(const struct watch_rules *rules, size_t rule,
                     const struct watch_reading *readings, int only) {
    const struct watch_rule *r = &rules->list.at[rule];
    char *all = mem_strdup("");
    for (size_t i = 0; i < r->terms.n; i++) {
        if (only >= 0 && (int)readings[i].truth != only)
            continue;
        cleanup_free char *one = watch_reading_words(rules, &r->terms.at[i], &readings[i]);
        char *more = mem_printf("%s%s%s", all, *all ? "; " : "", one);
        free(all);
        all = more;
    }
    return all;
}
