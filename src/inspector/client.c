#include "inspector/client.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"
#include "inspector/netns.h"
#include <errno.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* How often waiting looks at *stop. */
#define STEP_US 50000
#define GOODBYE_NS 1000000000ull

struct inspector_client {
    struct lws_context *context;
    struct lws *wsi; /* NULL: none, or it has ended */
    const atomic_bool *stop;
    lws_sorted_usec_list_t step;

    bool connected, finished; /* the WebSocket is open; the HTTP answer is whole */
    bool leaving;
    char why[128]; /* why the connection ended */
    VEC(char) in;  /* what came of the message so far */
    char *out; /* what is to be sent, behind LWS_PRE bytes for the frame's head; NULL: nothing */
    size_t out_len;
    json_int_t last_id;
    json_t *answer; /* to last_id */
};

/* --- libwebsockets calls us --- */

static void ended(struct inspector_client *c, const char *why) {
    if (c->wsi && !c->why[0])
        snprintf(c->why, sizeof c->why, "%s", why ? why : "it closed the connection");
    c->wsi = NULL;
    c->connected = false;
}

static int receive(struct inspector_client *c, const void *in, size_t len) {
    if (len > LIMIT_INSPECTOR_MESSAGE - c->in.n)
        return -1; /* libwebsockets ends the connection */
    vec_reserve(&c->in, c->in.n + len);
    memcpy(c->in.at + c->in.n, in, len);
    c->in.n += len;
    return 0;
}

/* An event, which nobody asked for, or the answer. */
static void take_message(struct inspector_client *c) {
    json_t *m = json_loadb(c->in.at, c->in.n, JSON_REJECT_DUPLICATES, NULL);
    c->in.n = 0;
    if (!json_is_integer(json_object_get(m, "id")) ||
        json_integer_value(json_object_get(m, "id")) != c->last_id || c->answer)
        json_decref(m);
    else
        c->answer = m;
}

static int send_out(struct inspector_client *c) {
    if (!c->out && c->leaving) {
        lws_close_reason(c->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
        return -1; /* a close frame goes out, and the other side's is waited for */
    }
    if (!c->out)
        return 0;
    int n = lws_write(c->wsi, (unsigned char *)c->out + LWS_PRE, c->out_len, LWS_WRITE_TEXT);
    free(c->out);
    c->out = NULL;
    return n < (int)c->out_len ? -1 : 0;
}

static int on_http(struct inspector_client *c, enum lws_callback_reasons reason, void *in,
                   size_t len) {
    char buffer[LWS_PRE + 4096], *at = buffer + LWS_PRE;
    int room = 4096;
    switch ((int)reason) {
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return lws_http_client_read(c->wsi, &at, &room) < 0 ? -1 : 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        return receive(c, in, len);
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        c->finished = true;
        return -1; /* it is not needed any more */
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        ended(c, NULL);
        return 0;
    default:
        return 0;
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len) {
    (void)user;
    struct inspector_client *c = lws_context_user(lws_get_context(wsi));
    if (!c || (c->wsi && wsi != c->wsi))
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        if (in && len)
            snprintf(c->why, sizeof c->why, "%.*s", (int)(len < 100 ? len : 100), (char *)in);
        ended(c, "no connection");
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        c->connected = true;
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (receive(c, in, len) < 0)
            return -1;
        if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi))
            take_message(c);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return send_out(c);
    case LWS_CALLBACK_CLIENT_CLOSED:
        ended(c, NULL);
        return 0;
    default:
        return on_http(c, reason, in, len);
    }
}

static const struct lws_protocols protocols[] = {{"memwhy", on_event, 0, 65536, 0, NULL, 0}, {0}};

/* --- waiting --- */

static void on_step(lws_sorted_usec_list_t *sul) {
    (void)sul; /* it only has lws_service() return */
}

typedef bool done_fn(const struct inspector_client *c);

static bool is_connected(const struct inspector_client *c) {
    return c->connected;
}
static bool is_finished(const struct inspector_client *c) {
    return c->finished;
}
static bool is_sent(const struct inspector_client *c) {
    return !c->out;
}
static bool is_answered(const struct inspector_client *c) {
    return c->answer != NULL;
}
static bool is_gone(const struct inspector_client *c) {
    return !c->wsi;
}

/* Until it is done, the connection has ended, *stop or `until_ns`. */
static int wait_for(struct inspector_client *c, done_fn *done, uint64_t until_ns) {
    while (!done(c)) {
        if (c->stop && atomic_load(c->stop))
            return -ECANCELED;
        if (!c->wsi)
            return -EPROTO;
        if (clock_ns() >= until_ns)
            return -ETIMEDOUT;
        lws_sul_schedule(c->context, 0, &c->step, on_step, STEP_US);
        lws_service(c->context, 0);
    }
    return 0;
}

static int explain(const struct inspector_client *c, int code, const char *doing, struct err *e) {
    if (code == -ETIMEDOUT)
        return err_set(e, code,
                       "Its main thread may be busy in one long call: try again later, or give it "
                       "more time with --timeout.",
                       "the inspector did not answer in time (%s)", doing);
    if (code == -ECANCELED)
        return err_set(e, code, NULL, "interrupted (%s)", doing);
    return err_set(e, code, NULL, "the inspector ended the conversation (%s): %s", doing,
                   c->why[0] ? c->why : "no reason given");
}

/* --- connecting --- */

static void connect_info(struct inspector_client *c, const struct inspector_address *at,
                         const char *path, const char *method, char host[80],
                         struct lws_client_connect_info *ret) {
    bool v6 = strchr(at->host, ':') != NULL;
    snprintf(host, 80, v6 ? "[%s]:%u" : "%s:%u", at->host, at->port);
    *ret = (struct lws_client_connect_info){.context = c->context,
                                            .address = at->host,
                                            .port = at->port,
                                            .path = path,
                                            .host = host,
                                            .method = method,
                                            .alpn = "http/1.1",
                                            .local_protocol_name = protocols[0].name,
                                            .pwsi = &c->wsi};
}

static int connect_to(struct inspector_client *c, const struct inspector_address *at,
                      const char *path, const char *method, done_fn *done, uint64_t until_ns) {
    struct lws_client_connect_info info;
    char host[80];
    c->why[0] = '\0';
    c->in.n = 0;
    connect_info(c, at, path, method, host, &info);
    if (!lws_client_connect_via_info(&info))
        return -EPROTO;
    return wait_for(c, done, until_ns);
}

/* [{"type": "node", "id": "5d2e4168-...", ...}]: the path of the WebSocket is the id. */
static int path_of(const char *text, size_t n, char ret[80]) {
    json_t *list = json_loadb(text, n, 0, NULL);
    const char *type = json_string_value(json_object_get(json_array_get(list, 0), "type"));
    const char *id = json_string_value(json_object_get(json_array_get(list, 0), "id"));
    bool good = type && id && strcmp(type, "node") == 0 && strlen(id) < 64 &&
                id[strspn(id, "0123456789abcdefABCDEF-")] == '\0';
    if (good)
        snprintf(ret, 80, "/%s", id);
    json_decref(list);
    return good ? 0 : -EPROTO;
}

static int open_here(struct inspector_client *c, const struct inspector_address *at,
                     uint64_t until_ns, struct err *e) {
    char path[80];
    int r = connect_to(c, at, "/json/list", "GET", is_finished, until_ns);
    if (r < 0)
        return explain(c, r, "asking what listens", e);
    wait_for(c, is_gone, until_ns);
    if (path_of(c->in.at, c->in.n, path) < 0)
        return err_set(e, -EPROTO, NULL, "what listens on %s:%u is no Node inspector", at->host,
                       at->port);
    r = connect_to(c, at, path, NULL, is_connected, until_ns);
    return r < 0 ? explain(c, r, "connecting", e) : 0;
}

int inspector_client_open(pid_t pid, const struct inspector_address *at, uint64_t timeout_ns,
                          const atomic_bool *stop, struct inspector_client **ret, struct err *e) {
    struct inspector_client *c = mem_zalloc(sizeof *c);
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                             .protocols = protocols,
                                             .fd_limit_per_thread = 16,
                                             .user = c};
    int back;
    c->stop = stop;
    lws_set_log_level(0, NULL);
    c->context = lws_create_context(&info);
    if (!c->context) {
        free(c);
        return err_set(e, -ENOMEM, NULL, "libwebsockets could not be started");
    }
    int r = netns_enter(pid, &back, e);
    if (r == 0) {
        r = open_here(c, at, clock_ns() + timeout_ns, e);
        netns_leave(back);
    }
    if (r < 0) {
        inspector_client_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

void inspector_client_close(struct inspector_client *c) {
    if (!c)
        return;
    if (c->wsi && c->connected) {
        c->leaving = true;
        inspector_client_go_on(c);
        lws_callback_on_writable(c->wsi);
        wait_for(c, is_gone, clock_ns() + GOODBYE_NS);
    }
    lws_sul_cancel(&c->step);
    c->wsi = NULL;
    lws_context_destroy(c->context);
    json_decref(c->answer);
    vec_free(&c->in);
    free(c->out);
    free(c);
}

void inspector_client_go_on(struct inspector_client *c) {
    c->stop = NULL;
}

/* --- requests --- */

int inspector_client_tell(struct inspector_client *c, const char *method, json_t *params,
                          uint64_t timeout_ns) {
    json_t *m = json_pack("{s:I, s:s}", "id", ++c->last_id, "method", method);
    if (params)
        json_object_set_new(m, "params", params);
    char *text = json_dumps(m, JSON_COMPACT);
    json_decref(m);
    json_decref(c->answer);
    c->answer = NULL;
    if (!c->wsi || !text) {
        free(text);
        return -EPROTO;
    }
    free(c->out);
    c->out_len = strlen(text);
    c->out = mem_alloc(LWS_PRE + c->out_len + 1);
    memcpy(c->out + LWS_PRE, text, c->out_len + 1);
    free(text);
    lws_callback_on_writable(c->wsi);
    return wait_for(c, is_sent, clock_ns() + timeout_ns);
}

/* The answer's "result"; an error of the protocol, or an exception of the evaluated text, is one.
 */
static int take_result(struct inspector_client *c, const char *method, json_t **ret,
                       struct err *e) {
    const json_t *result = json_object_get(c->answer, "result");
    const json_t *thrown = json_object_get(result, "exceptionDetails");
    const char *why =
        json_string_value(json_object_get(json_object_get(c->answer, "error"), "message"));
    if (thrown)
        why =
            json_string_value(json_object_get(json_object_get(thrown, "exception"), "description"));
    if (why || thrown || !result)
        return err_set(e, -EPROTO, NULL, "the inspector answers to %s: %.200s", method,
                       why ? why : "something that is no result");
    if (ret)
        *ret = json_incref(json_object_get(c->answer, "result"));
    return 0;
}

int inspector_client_call(struct inspector_client *c, const char *method, json_t *params,
                          uint64_t timeout_ns, json_t **ret, struct err *e) {
    uint64_t until = clock_ns() + timeout_ns;
    int r = inspector_client_tell(c, method, params, timeout_ns);
    if (r == 0)
        r = wait_for(c, is_answered, until);
    return r < 0 ? explain(c, r, method, e) : take_result(c, method, ret, e);
}
