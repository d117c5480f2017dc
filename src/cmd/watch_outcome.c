#include "cmd/watch_outcome.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { EXIT_PARTIAL = 4, GROWN_SHOWN = 10, GROWN_SAID = 3 };

static const char *text_at(json_t *doc, const char *object, const char *key) {
    return json_string_value(json_object_get(json_object_get(doc, object), key));
}

/* What grows, the most important first, without what can be asked of `memwhy growth` again. */
static json_t *grown(json_t *doc) {
    json_t *all = json_object_get(doc, "containers"), *list = json_array(), *row;
    size_t i;
    json_array_foreach(all, i, row) if (i < GROWN_SHOWN) json_array_append(list, row);
    json_t *ret =
        json_pack("{s:I, s:o}", "count", (json_int_t)json_array_size(all), "containers", list);
    static const char *const keys[] = {"live_delta", "rss_delta", "limit", "looks"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (json_object_get(doc, keys[k]))
            json_object_set(ret, keys[k], json_object_get(doc, keys[k]));
    return ret;
}

/* A look is refused with a document that says why; that is no failure of ours. */
static void read_look(const struct child *c, enum watch_deed deed, struct outcome *o) {
    json_t *doc = json_loads(c->output.n ? c->output.at : "", 0, NULL);
    const char *why = text_at(doc, "error", "message"), *hint = text_at(doc, "error", "hint");
    json_t *pause = json_object_get(json_object_get(doc, "cost"), "pause_ns");
    int code = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1;
    if (why) {
        o->kind = "refused";
        o->why = mem_strdup(why);
        o->hint = mem_strdup(hint ? hint : "");
    } else if (doc && (code == 0 || code == 1 || code == EXIT_PARTIAL)) {
        o->kind = "done";
        o->partial = code == EXIT_PARTIAL;
        o->has_pause = pause != NULL;
        o->pause_ns = (uint64_t)json_integer_value(pause);
        if (deed == WATCH_GROWTH)
            o->growth = grown(doc);
    }
    json_decref(doc);
}

static char *how_it_ended(const struct child *c) {
    if (c->failed)
        return mem_printf("it could not be started: %s", strerror(c->failed));
    if (WIFSIGNALED(c->status))
        return mem_printf("it was killed by SIG%s", sigabbrev_np(WTERMSIG(c->status)));
    return mem_printf("it ended with code %d", WEXITSTATUS(c->status));
}

void outcome_of_child(const struct child *c, enum watch_deed deed, const struct watch_place *place,
                      struct outcome *ret) {
    struct stat st;
    *ret = (struct outcome){.kind = "failed",
                            .took_ns = clock_ns() - c->began_ns,
                            .removed = place->removed,
                            .removed_bytes = place->removed_bytes};
    if (deed != WATCH_RUN && !c->timed_out && !c->failed)
        read_look(c, deed, ret);
    if (place->path && strcmp(ret->kind, "done") == 0 && stat(place->path, &st) == 0) {
        ret->file = mem_strdup(place->path);
        ret->file_bytes = (uint64_t)st.st_size;
    }
    if (deed == WATCH_RUN && !c->failed) {
        ret->output = text_clean(c->output.at);
        ret->has_code = WIFEXITED(c->status);
        ret->code = ret->has_code ? WEXITSTATUS(c->status) : 0;
        ret->kind = ret->has_code && !ret->code ? "done" : "failed";
    }
    if (c->timed_out) {
        char time[FMT_MAX];
        ret->kind = "timed-out";
        ret->why = mem_printf("it had not ended after %s, and was killed",
                              fmt_duration(time, ret->took_ns));
    } else if (!ret->why && strcmp(ret->kind, "done") != 0) {
        ret->why = how_it_ended(c);
    }
}

void outcome_of_exchange(const struct exchange *x, unsigned tries, struct outcome *ret) {
    bool answered = x->state == EXCHANGE_ANSWERED;
    *ret = (struct outcome){.kind = answered && x->status < 300      ? "done"
                                    : x->state == EXCHANGE_TIMED_OUT ? "timed-out"
                                                                     : "failed",
                            .took_ns = x->ended_ns - x->began_ns,
                            .has_code = answered,
                            .code = x->status,
                            .tries = tries};
    if (answered && x->status >= 300)
        ret->why = mem_printf("it was answered with %d", x->status);
    else if (!answered)
        ret->why = mem_strdup(x->why);
}

void outcome_done(struct outcome *o) {
    free(o->why);
    free(o->hint);
    free(o->file);
    free(o->output);
    json_decref(o->growth);
    *o = (struct outcome){0};
}

static void put_text(json_t *o, const char *key, const char *s) {
    if (s && *s)
        json_object_set_new(o, key, text_json(s));
}

static void put_u64(json_t *o, const char *key, uint64_t v) {
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

json_t *outcome_json(const struct outcome *o, const char *deed) {
    json_t *j = json_pack("{s:s, s:s}", "action", deed, "outcome", o->kind);
    put_text(j, "why", o->why);
    put_text(j, "hint", o->hint);
    put_text(j, "file", o->file);
    put_text(j, "output", o->output);
    if (o->file) {
        put_u64(j, "file_bytes", o->file_bytes);
        json_object_set_new(j, "complete", json_boolean(!o->partial));
    }
    if (o->has_pause)
        put_u64(j, "pause_ns", o->pause_ns);
    if (o->took_ns)
        put_u64(j, "took_ns", o->took_ns);
    if (o->has_code)
        put_u64(j, o->tries ? "status" : "exit_code", (uint64_t)o->code);
    if (o->tries)
        put_u64(j, "tries", o->tries);
    if (o->removed) {
        put_u64(j, "removed_files", o->removed);
        put_u64(j, "removed_bytes", o->removed_bytes);
    }
    if (o->growth)
        json_object_set(j, "growth", o->growth);
    return j;
}

static char *grown_words(const struct outcome *o) {
    json_t *list = json_object_get(o->growth, "containers"), *row;
    char text[512], size[FMT_MAX];
    size_t i, n;
    if (!json_array_size(list))
        return mem_strdup("nothing grows");
    n = (size_t)snprintf(text, sizeof text, "%lld things grow:",
                         (long long)json_integer_value(json_object_get(o->growth, "count")));
    json_array_foreach(list, i, row) {
        const char *where = json_string_value(json_object_get(row, "path_text"));
        json_int_t bytes = json_integer_value(json_object_get(row, "bytes_delta"));
        if (i < GROWN_SAID && n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s %.100s by %s", i ? ";" : "",
                                  where ? where : "a path that is not known",
                                  fmt_bytes(size, bytes > 0 ? (uint64_t)bytes : 0));
    }
    return mem_strdup(text);
}

/* What a command printed, on one line. */
static char *one_line(const char *output) {
    char *line = mem_strdup(output ? output : "");
    size_t n = strlen(line);
    while (n && (line[n - 1] == '\n' || line[n - 1] == ' '))
        line[--n] = '\0';
    for (char *c = line; *c; c++)
        if (*c == '\n')
            *c = ' ';
    return line;
}

char *outcome_words(const struct outcome *o, const char *text) {
    char took[FMT_MAX], size[FMT_MAX], pause[FMT_MAX], gone[FMT_MAX];
    cleanup_free char *removed = o->removed ? mem_printf("; %u older of %s had to go", o->removed,
                                                         fmt_bytes(gone, o->removed_bytes))
                                            : mem_strdup("");
    fmt_duration(took, o->took_ns);
    if (strcmp(o->kind, "done") != 0)
        return mem_printf("%s: %s%s%s%s", strcmp(o->kind, "dry-run") == 0 ? "not done" : o->kind,
                          o->why ? o->why : "", o->hint && *o->hint ? ". " : "",
                          o->hint ? o->hint : "", removed);
    if (o->file)
        return mem_printf("%s, %s%s, in %s; the process was held for %s%s", o->file,
                          fmt_bytes(size, o->file_bytes), o->partial ? ", parts are missing" : "",
                          took, fmt_duration(pause, o->pause_ns), removed);
    if (o->growth)
        return grown_words(o);
    if (o->tries)
        return mem_printf("%s answered with %d in %s", text, o->code, took);
    cleanup_free char *said = one_line(o->output);
    return mem_printf("`%s` ended well in %s%s%s", text, took, *said ? ": " : "", said);
}
