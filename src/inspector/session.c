#include "inspector/session.h"

#include "base/clock.h"
#include "inspector/listening.h"
#include "inspector/node_options.h"
#include "kernel/process.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 10000000ull
#define CLOSES_NS 3000000000ull /* the target's own waiting is below 2.2 s, see `closer` */

/* --- what a look says --- */

static bool calls(const struct uv_handle *h, const char *name) {
    return h->callback_name && strstr(h->callback_name, name);
}

/* The inspector's thread takes requests through an async handle of this class on its own loop
 * (src/inspector/main_thread_interface.cc, src/inspector_io.cc: RequestQueueData). */
static bool inspector_loop(const struct uv_census *c, uint32_t *ret) {
    for (size_t i = 0; i < c->handles.n; i++)
        if (c->handles.at[i].type == UV_TYPE_ASYNC &&
            calls(&c->handles.at[i], "node::inspector::") &&
            calls(&c->handles.at[i], "RequestQueueData")) {
            *ret = c->handles.at[i].loop;
            return true;
        }
    return false;
}

int inspector_find(const struct evidence *ev, struct inspector_address *ret,
                   unsigned *ret_clients) {
    const struct uv_census *c = &ev->uv;
    struct inspector_address at;
    uint32_t loop;
    bool found = false;
    unsigned clients = 0;
    if (!ev->has_uv || !inspector_loop(c, &loop))
        return -ENODATA;
    for (size_t i = 0; i < c->handles.n; i++) {
        const struct uv_handle *h = &c->handles.at[i];
        const char *local = uv_handle_local(h);
        if (h->loop != loop || h->type != UV_TYPE_TCP || h->closing)
            continue;
        if (h->listening && local && !found)
            found = listening_address(local, &at);
        clients += !h->listening;
    }
    if (!found)
        return -ENODATA;
    *ret = at;
    *ret_clients = clients;
    return 0;
}

/* An async handle of the agent on the main loop: StartIoThreadAsyncCallback, in 26 a lambda of
 * Agent::Start (src/inspector_agent.cc). */
static bool waits_for_signal(const struct uv_census *c) {
    for (size_t i = 0; i < c->handles.n; i++)
        if (c->handles.at[i].type == UV_TYPE_ASYNC && !c->handles.at[i].closing &&
            (calls(&c->handles.at[i], "StartIoThreadAsyncCallback") ||
             calls(&c->handles.at[i], "node::inspector::Agent::Start(")))
            return true;
    return false;
}

static bool has_own_handler(const struct uv_census *c) {
    for (size_t i = 0; i < c->handles.n; i++)
        if (c->handles.at[i].type == UV_TYPE_SIGNAL && c->handles.at[i].signal == SIGUSR1)
            return true;
    return false;
}

/* --- opening --- */

static int refuse_signal(const struct process *p, struct err *e) {
    uint64_t bit = 1ull << (SIGUSR1 - 1);
    bool disabled = node_options_has(p, "--disable-sigusr1");
    return err_set(e, -ENOTSUP,
                   "Start it with --inspect=127.0.0.1:0 to have an inspector from the beginning.",
                   "its inspector is closed, and SIGUSR1 must not be sent: %s%s",
                   p->signals_ignored & bit ? "the process ignores it"
                                            : "the process does not catch it and would die of it",
                   disabled ? " (--disable-sigusr1)" : "");
}

/* All that can be known before the signal. `p` is of this moment. */
static int may_signal(const struct evidence *ev, const struct process *p, struct err *e) {
    uint16_t port = node_options_inspector_port(p);
    if (strchr("TtZX", p->state))
        return err_set(e, -EBUSY, "Continue it with kill -CONT.",
                       "the process is stopped and answers nobody");
    if (ev->target.engine != ENGINE_V8 || !ev->v8.node_version[0])
        return err_set(e, -ENOTSUP, NULL,
                       "this is no Node process, so it has no inspector that could be asked");
    if (!(p->signals_caught >> (SIGUSR1 - 1) & 1))
        return refuse_signal(p, e);
    if (!ev->has_uv || !waits_for_signal(&ev->uv))
        return err_set(
            e, -ENOTSUP,
            "Start it with --inspect=127.0.0.1:0 to have an inspector from the beginning.",
            "its inspector is closed, and it cannot be seen that Node would open it on "
            "SIGUSR1: nothing on its event loop waits for that");
    if (has_own_handler(&ev->uv))
        return err_set(
            e, -ENOTSUP,
            "Start it with --inspect=127.0.0.1:0 to have an inspector from the beginning.",
            "its inspector is closed, and the program has a handler of its own for "
            "SIGUSR1, which the signal would run instead of opening it");
    if (port && listening_on_port(p->pid, port))
        return err_set(e, -EBUSY,
                       "End what listens there, or start the process with --inspect-port=0.",
                       "port %u, on which its inspector would listen, is taken", port);
    return 0;
}

static void pause_ns(uint64_t ns) {
    nanosleep(&(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)}, NULL);
}

/* A socket that was not there before the signal, and behind which an inspector answers. */
static int wait_for_listener(struct inspector *s, const struct listening_sockets *before,
                             struct err *e) {
    uint64_t until = clock_ns() + s->how.timeout_ns, soon = 0;
    while (clock_ns() < until) {
        struct listening_sockets now = {0};
        if (!soon && s->how.stop && atomic_load(s->how.stop)) {
            soon = clock_ns() + CLOSES_NS; /* what is about to open must be closed again */
            until = soon < until ? soon : until;
        }
        int r = listening_read(s->pid, &now);
        bool connected = false;
        for (size_t i = 0; r == 0 && i < now.list.n && !connected; i++) {
            if (listening_has(before, now.list.at[i].inode))
                continue;
            s->at = now.list.at[i].at;
            connected = inspector_client_open(s->pid, &s->at, s->how.timeout_ns, NULL, &s->client,
                                              NULL) == 0;
        }
        vec_free(&now.list);
        if (r < 0)
            return err_set(e, r, NULL, "the process has ended");
        if (connected)
            return 0;
        pause_ns(POLL_NS);
    }
    return err_set(e, -ETIMEDOUT,
                   "It will open when its main thread is free. `memwhy handles` shows it then; the "
                   "process closes it with inspector.close().",
                   "SIGUSR1 was sent, but no inspector has opened: the main thread is busy in one "
                   "long call");
}

static int signal_open(const struct evidence *ev, struct inspector *s, struct err *e) {
    struct process p = {0};
    struct listening_sockets before = {0};
    int r = process_read("", s->pid, PROCESS_STAT | PROCESS_STATUS | PROCESS_CMDLINE, &p);
    if (r == 0)
        r = may_signal(ev, &p, e);
    else
        err_set(e, r, NULL, "the process has ended");
    if (r == 0)
        r = listening_read(s->pid, &before);
    if (r == 0 && kill(s->pid, SIGUSR1) < 0)
        r = err_set(e, -errno, "Run memwhy as root, or as the user of the process.",
                    "it may not be sent a signal: %s", strerror(errno));
    if (r == 0) {
        s->opened = true;
        r = wait_for_listener(s, &before, e);
    }
    vec_free(&before.list);
    process_done(&p);
    return r;
}

int inspector_open(const struct evidence *ev, const struct inspector_how *how,
                   struct inspector **ret, struct err *e) {
    struct inspector *s = mem_zalloc(sizeof *s);
    int r;
    s->how = *how;
    s->pid = ev->target.pid;
    if (s->pid <= 0 || !ev->cost.freeze)
        r = err_set(e, -ENOTSUP, NULL, "a core is not a running process: it cannot be asked");
    else if (inspector_find(ev, &s->at, &s->others) == 0)
        r = inspector_client_open(s->pid, &s->at, how->timeout_ns, how->stop, &s->client, e);
    else
        r = signal_open(ev, s, e);
    if (r < 0)
        free(s);
    else
        *ret = s;
    return r;
}

/* --- asking --- */

static json_t *evaluation(const char *expression) {
    return json_pack("{s:s, s:b, s:b, s:b}", "expression", expression, "includeCommandLineAPI", 1,
                     "returnByValue", 1, "silent", 1);
}

int inspector_evaluate(struct inspector *s, const char *expression, json_t **ret, struct err *e) {
    json_t *result;
    int r = inspector_client_call(s->client, "Runtime.evaluate", evaluation(expression),
                                  s->how.timeout_ns, &result, e);
    if (r < 0)
        return r;
    json_t *value = json_object_get(json_object_get(result, "result"), "value");
    if (!value)
        r = err_set(e, -EPROTO, NULL, "the inspector's answer has no value");
    else if (ret)
        *ret = json_incref(value);
    json_decref(result);
    return r;
}

/* --- closing --- */

/* Node has crashed (24, 26; nodejs/node#18761) when the inspector was closed while a session was
 * open. So the process is asked to wait until nobody is connected to the port any more, as the
 * kernel sees it, and to close it then. Timers that do not keep it running; where /proc may not be
 * read it waits half a second. */
static const char closer[] =
    "((port) => {"
    "  const { setTimeout } = require('timers'), fs = require('fs');"
    "  const end = ':' + port.toString(16).toUpperCase().padStart(4, '0');"
    "  const inUse = (file) => fs.readFileSync(file, 'latin1').split('\\n').some((line) => {"
    "    const word = line.trim().split(/\\s+/);"
    "    return word[3] && word[1].endsWith(end) && word[3] !== '0A' && word[3] !== '06';"
    "  });"
    "  const later = (f, ms) => { const t = setTimeout(f, ms); if (t.unref) t.unref(); };"
    "  let left = 40, wait = 50;"
    "  const check = () => {"
    "    let busy = false;"
    "    try { busy = inUse('/proc/self/net/tcp') || inUse('/proc/self/net/tcp6'); }"
    "    catch { wait = 500; }"
    "    if (!busy) later(() => process._debugEnd(), wait);"
    "    else if (left--) later(check, 50);"
    "  };"
    "  later(check, 50);"
    "  return true;"
    "})(%u)";

static bool still_listens(const struct inspector *s) {
    struct listening_sockets now = {0};
    bool found = false;
    if (listening_read(s->pid, &now) == 0)
        for (size_t i = 0; i < now.list.n; i++)
            found |= now.list.at[i].at.port == s->at.port;
    vec_free(&now.list);
    return found;
}

enum inspector_end inspector_close(struct inspector *s) {
    enum inspector_end end = INSPECTOR_WAS_OPEN;
    if (!s)
        return end;
    inspector_client_go_on(s->client);
    if (s->opened) {
        cleanup_free char *text = mem_printf(closer, s->at.port);
        inspector_client_call(s->client, "Runtime.evaluate", evaluation(text), CLOSES_NS, NULL,
                              NULL);
    }
    inspector_client_close(s->client);
    if (s->opened) {
        uint64_t until = clock_ns() + CLOSES_NS;
        while (still_listens(s) && clock_ns() < until)
            pause_ns(POLL_NS);
        end = still_listens(s) ? INSPECTOR_LEFT_OPEN : INSPECTOR_CLOSED;
    }
    free(s);
    return end;
}
