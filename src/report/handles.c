#include "report/handles.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/text.h"
#include "report/handle_json.h"
#include <inttypes.h>
#include <string.h>

static bool shown(const struct uv_handle *h, const struct report_handles *how) {
    if (how->type)
        return strcmp(uv_type_name(h->type), how->type) == 0;
    return how->internal || !h->internal;
}

/* --- text --- */

enum { C_TYPE, C_STATE, C_FD, C_QUEUED, C_CLASS, C_WHAT, C_COLUMNS };

static const struct column columns[C_COLUMNS] = {
    [C_TYPE] = {"type", "TYPE", COL_TEXT},    [C_STATE] = {"state", "STATE", COL_TEXT},
    [C_FD] = {"fd", "FD", COL_COUNT},         [C_QUEUED] = {"queued", "QUEUED", COL_BYTES},
    [C_CLASS] = {"class", "CLASS", COL_TEXT}, [C_WHAT] = {"what", "WHAT", COL_TEXT},
};

static const char *state_of(const struct uv_handle *h) {
    if (h->closing)
        return "closing";
    if (!h->active)
        return "idle";
    return h->ref ? "active" : "active, unref";
}

static void say_addresses(FILE *f, const struct uv_handle *h) {
    const char *local = uv_handle_local(h), *peer = uv_handle_peer(h);
    if (local || peer)
        fprintf(f, " %s", local ? local : "?");
    if (peer)
        fprintf(f, " -> %s", peer);
    if (!local && !peer && h->file && h->file->target)
        fprintf(f, " %s", h->file->target);
}

/* Those of Linux on x86-64 (signal(7)); real-time ones have numbers. */
static const char *signal_name(char buf[FMT_MAX], int32_t n) {
    static const char *const names[] = {
        NULL,   "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
        "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
        "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};
    enum { NAMES = sizeof names / sizeof *names };
    if (n > 0 && n < NAMES)
        snprintf(buf, FMT_MAX, "SIG%s", names[n]);
    else
        snprintf(buf, FMT_MAX, "signal %d", (int)n);
    return buf;
}

static void say_type(FILE *f, const struct uv_handle *h) {
    char text[FMT_MAX];
    uint64_t due = h->due_ms < 0 ? 0 : (uint64_t)h->due_ms, ms = 1000000;
    if (h->type == UV_TYPE_TIMER && h->active)
        fprintf(f, " due in %s", fmt_duration(text, due * ms));
    if (h->type == UV_TYPE_TIMER && h->repeat_ms)
        fprintf(f, ", every %s", fmt_duration(text, h->repeat_ms * ms));
    if (h->type == UV_TYPE_PROCESS)
        fprintf(f, " pid %d", h->pid);
    if (h->type == UV_TYPE_SIGNAL && h->signal)
        fprintf(f, " %s", signal_name(text, h->signal));
    if (h->type == UV_TYPE_FS_EVENT && h->path)
        fprintf(f, " %s", h->path);
}

/* What it is for, in one line; the caller frees it. */
static char *what_of(const struct uv_handle *h) {
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    if (h->script.owner_class)
        fprintf(f, " %s", h->script.owner_class);
    if (h->script.request)
        fprintf(f, " %s", h->script.request);
    say_addresses(f, h);
    say_type(f, h);
    if (h->callback_name && !h->script.owner_class)
        fprintf(f, " %s", h->callback_name);
    fclose(f);
    char *clean = text_printable(text[0] == ' ' ? text + 1 : text);
    free(text);
    return clean;
}

static void add_row(struct table *t, const struct uv_handle *h) {
    cleanup_free char *what = what_of(h);
    table_row(t);
    table_text(t, C_TYPE, uv_type_name(h->type));
    table_text(t, C_STATE, h->listening ? "listening" : state_of(h));
    if (h->fd >= 0)
        table_u64(t, C_FD, (uint64_t)h->fd);
    if (h->has_queue)
        table_u64(t, C_QUEUED, uv_handle_queued(h));
    if (h->script.wrap_class || h->object_class)
        table_text(t, C_CLASS, h->script.wrap_class ? h->script.wrap_class : h->object_class);
    table_text(t, C_WHAT, what);
}

static void say_thread(FILE *out, const struct uv_loop *l, pid_t pid) {
    cleanup_free char *name = text_printable(l->thread);
    fprintf(out, "%s loop", l->is_default || (pid && l->tid == pid) ? "Main" : "A");
    if (l->tid)
        fprintf(out, " of thread %d%s%s", (int)l->tid, name[0] ? " " : "", name);
}

static void say_requests(FILE *out, const struct uv_census *c, uint32_t loop) {
    const struct uv_requests r = uv_requests_of(c, loop);
    const struct {
        uint64_t n;
        const char *what;
    } all[] = {{r.writes, "writes"},
               {r.sends, "datagrams"},
               {r.connects, "connects"},
               {r.shutdowns, "shutdowns"},
               {r.works[UV_WORK_RUNNING], "run by the thread pool"},
               {r.works[UV_WORK_QUEUED], "wait for the thread pool"},
               {r.works[UV_WORK_DONE], "done by the thread pool"}};
    const char *before = " (";
    fprintf(out, "%u requests", c->loops.at[loop].active_requests);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].n) {
            fprintf(out, "%s%" PRIu64 " %s", before, all[i].n, all[i].what);
            before = ", ";
        }
    fprintf(out, "%s.\n", before[0] == ',' ? ")" : "");
}

static void say_loop(FILE *out, const struct uv_census *c, uint32_t loop,
                     const struct report_handles *how) {
    const struct uv_loop *l = &c->loops.at[loop];
    struct table *t = table_new(columns, C_COLUMNS);
    uint64_t n = 0, active = 0;
    for (size_t i = 0; i < c->handles.n; i++) {
        const struct uv_handle *h = &c->handles.at[i];
        if (h->loop != loop)
            continue;
        n++;
        active += h->active;
        if (shown(h, how))
            add_row(t, h);
    }
    say_thread(out, l, how->pid);
    fprintf(out, ": %" PRIu64 " handles, %" PRIu64 " active, %u keep it running; ", n, active,
            l->active_handles);
    say_requests(out, c, loop);
    if (l->cut)
        fprintf(out, "Not all handles are known: %s.\n", l->cut);
    if (table_rows(t))
        table_print(t, out, how->width);
    fputs("\n", out);
    table_free(t);
}

static void say_works(FILE *out, const struct uv_census *c, unsigned width) {
    enum { W_STATE, W_KIND, W_THREAD, W_WHAT, W_COLUMNS };
    static const struct column work_columns[W_COLUMNS] = {
        [W_STATE] = {NULL, "POOL", COL_TEXT},
        [W_KIND] = {NULL, "WORK", COL_TEXT},
        [W_THREAD] = {NULL, "THREAD", COL_TEXT},
        [W_WHAT] = {NULL, "WHAT", COL_TEXT},
    };
    struct table *t = table_new(work_columns, W_COLUMNS);
    for (size_t i = 0; i < c->works.n; i++) {
        const struct uv_work *w = &c->works.at[i];
        cleanup_free char *tid = mem_printf("%d", (int)w->tid);
        cleanup_free char *path = w->path ? text_printable(w->path) : NULL;
        table_row(t);
        table_text(t, W_STATE, uv_work_state_name(w->state));
        table_text(t, W_KIND, w->kind ? w->kind : "work");
        if (w->tid)
            table_text(t, W_THREAD, tid);
        if (path || w->function_name)
            table_text(t, W_WHAT, path ? path : w->function_name);
    }
    if (c->works.n) {
        table_print(t, out, width);
        fputs("\n", out);
    }
    table_free(t);
}

void report_handles_text(FILE *out, const struct uv_census *c, const struct report_handles *how) {
    for (uint32_t i = 0; i < c->loops.n; i++)
        say_loop(out, c, i, how);
    say_works(out, c, how->width);
}

/* --- JSON --- */

static json_t *loop_json(const struct uv_census *c, uint32_t index) {
    const struct uv_loop *l = &c->loops.at[index];
    const struct uv_requests r = uv_requests_of(c, index);
    json_t *o = json_object(), *q = json_object();
    handle_json_addr(o, "addr", l->addr);
    json_object_set_new(o, "default", json_boolean(l->is_default));
    if (l->tid)
        handle_json_u64(o, "tid", (uint64_t)l->tid);
    handle_json_text(o, "thread", l->thread);
    handle_json_u64(o, "active_handles", l->active_handles);
    handle_json_u64(o, "active_requests", l->active_requests);
    handle_json_text(o, "cut", l->cut);
    handle_json_u64(q, "writes", r.writes);
    handle_json_u64(q, "sends", r.sends);
    handle_json_u64(q, "connects", r.connects);
    handle_json_u64(q, "shutdowns", r.shutdowns);
    handle_json_u64(q, "works_running", r.works[UV_WORK_RUNNING]);
    if (c->pool_known)
        handle_json_u64(q, "works_queued", r.works[UV_WORK_QUEUED]);
    handle_json_u64(q, "works_done", r.works[UV_WORK_DONE]);
    json_object_set_new(o, "requests", q);
    return o;
}

static json_t *types_json(const struct uv_census *c) {
    json_t *types = json_array();
    for (int t = 1; t < UV_TYPES; t++) {
        uint64_t n = 0, active = 0, ref = 0, bytes = 0;
        for (size_t i = 0; i < c->handles.n; i++) {
            const struct uv_handle *h = &c->handles.at[i];
            if (h->type != (enum uv_type)t)
                continue;
            n++;
            active += h->active;
            ref += h->ref;
            bytes += h->has_queue ? h->queue_bytes : 0;
        }
        if (!n)
            continue;
        json_t *o = json_object();
        handle_json_text(o, "type", uv_type_name((enum uv_type)t));
        handle_json_u64(o, "count", n);
        handle_json_u64(o, "active", active);
        handle_json_u64(o, "ref", ref);
        handle_json_u64(o, "queue_bytes", bytes);
        json_array_append_new(types, o);
    }
    return types;
}

static json_t *work_json(const struct uv_work *w) {
    json_t *o = json_object();
    handle_json_addr(o, "addr", w->addr);
    handle_json_u64(o, "loop", w->loop);
    handle_json_text(o, "state", uv_work_state_name(w->state));
    handle_json_text(o, "kind", w->kind);
    handle_json_text(o, "path", w->path);
    handle_json_text(o, "function", w->function_name);
    if (w->tid)
        handle_json_u64(o, "tid", (uint64_t)w->tid);
    return o;
}

void report_handles_json(json_t *doc, const struct uv_census *c, const struct report_handles *how) {
    json_t *loops = json_array(), *handles = json_array(), *works = json_array();
    for (uint32_t i = 0; i < c->loops.n; i++)
        json_array_append_new(loops, loop_json(c, i));
    for (size_t i = 0; i < c->handles.n; i++)
        if (!how->type || shown(&c->handles.at[i], how))
            json_array_append_new(handles, handle_json(&c->handles.at[i]));
    for (size_t i = 0; i < c->works.n; i++)
        json_array_append_new(works, work_json(&c->works.at[i]));
    json_object_set_new(doc, "loops", loops);
    json_object_set_new(doc, "types", types_json(c));
    json_object_set_new(doc, "handles", handles);
    json_object_set_new(doc, "works", works);
}
