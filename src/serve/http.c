#include "serve/http.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "serve/accept.h"
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CONNECTIONS_MAX = 128,
    CONNECTIONS_OF_ONE_MAX = 64, /* of one address */
    CONNECTION_BYTES = 16 << 10, /* headers of a request, and of its answer */
};

/* A connection that is open. */
struct client {
    int fd;
    uint64_t since_ns; /* its beginning, or its last answer */
};

struct http {
    struct MHD_Daemon *daemon;
    struct board *board;
    uint64_t request_ns;
    pthread_mutex_t lock; /* of what follows */
    VEC(struct client *) clients;
    bool wants_token;
    struct token token;
    char words[256]; /* the last that libmicrohttpd had to say; its thread's once it runs */
};

static void hear(void *arg, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
static void hear(void *arg, const char *format, va_list ap) {
    struct http *h = arg;
    vsnprintf(h->words, sizeof h->words, format, ap);
    h->words[strcspn(h->words, "\n")] = '\0';
}

bool http_has_tls(void) {
    return MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES;
}

static enum MHD_Result say(struct MHD_Connection *to, unsigned status, const char *text) {
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(to, status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result refuse(struct http *h, struct MHD_Connection *to, unsigned status,
                              const char *text) {
    atomic_fetch_add(&board_counts(h->board)->refused, 1);
    return say(to, status, text);
}

static const char *header(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* Neither method has a body; one that comes along would have to be read to its end. */
static bool has_body(struct MHD_Connection *c) {
    const char *length = header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return header(c, MHD_HTTP_HEADER_TRANSFER_ENCODING) || (length && strcmp(length, "0") != 0);
}

static bool may_read(struct http *h, struct MHD_Connection *c) {
    pthread_mutex_lock(&h->lock);
    bool may = !h->wants_token || token_is_shown(&h->token, header(c, "Authorization"));
    pthread_mutex_unlock(&h->lock);
    return may;
}

static enum MHD_Result answer_metrics(struct http *h, struct MHD_Connection *c) {
    if (!board_answer(h->board, c, accept_form(header(c, MHD_HTTP_HEADER_ACCEPT))))
        return refuse(h, c, MHD_HTTP_SERVICE_UNAVAILABLE, "No round of samples is finished yet.\n");
    atomic_fetch_add(&board_counts(h->board)->scrapes, 1);
    return MHD_YES;
}

static enum MHD_Result answer_health(struct http *h, struct MHD_Connection *c) {
    char reason[BOARD_REASON_MAX];
    if (board_is_fresh(h->board, clock_ns(), reason))
        return say(c, MHD_HTTP_OK, "ok\n");
    cleanup_free char *text = mem_printf("%s\n", reason);
    return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **state) {
    struct http *h = arg;
    static char seen;
    (void)version, (void)data, (void)data_size;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse(h, c, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
    if (has_body(c))
        return refuse(h, c, MHD_HTTP_BAD_REQUEST, "A request without a body, please.\n");
    if (!*state) { /* its headers are there; an answer now would end the connection */
        *state = &seen;
        return MHD_YES;
    }
    if (!strcmp(url, "/healthz"))
        return answer_health(h, c);
    if (!may_read(h, c))
        return refuse(h, c, MHD_HTTP_UNAUTHORIZED, "The bearer token is missing or wrong.\n");
    if (!strcmp(url, "/metrics"))
        return answer_metrics(h, c);
    if (!strcmp(url, "/"))
        return say(c, MHD_HTTP_OK, "memwhy: /metrics for Prometheus, /healthz for probes.\n");
    return refuse(h, c, MHD_HTTP_NOT_FOUND, "There are /metrics and /healthz.\n");
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode what) {
    struct http *h = arg;
    const union MHD_ConnectionInfo *info;
    pthread_mutex_lock(&h->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct client *client = mem_zalloc(sizeof *client);
        *client = (struct client){info ? info->connect_fd : -1, clock_ns()};
        vec_push(&h->clients, client);
        *context = client;
    } else { /* its descriptor is closed after this (daemon.c, MHD_cleanup_connections) */
        size_t i = 0;
        while (i < h->clients.n && h->clients.at[i] != *context)
            i++;
        if (i < h->clients.n)
            h->clients.at[i] = h->clients.at[--h->clients.n];
        free(*context);
        *context = NULL;
    }
    pthread_mutex_unlock(&h->lock);
}

static void on_answered(void *arg, struct MHD_Connection *c, void **state,
                        enum MHD_RequestTerminationCode how) {
    struct http *h = arg;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    (void)state;
    if (!info || !info->socket_context || how != MHD_REQUEST_TERMINATED_COMPLETED_OK)
        return;
    pthread_mutex_lock(&h->lock);
    ((struct client *)info->socket_context)->since_ns = clock_ns();
    pthread_mutex_unlock(&h->lock);
}

void http_end_overdue(struct http *h) {
    uint64_t now = clock_ns();
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->clients.n; i++) {
        struct client *c = h->clients.at[i];
        if (c->fd < 0 || now < c->since_ns + h->request_ns)
            continue;
        shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd sees that, and closes it */
        c->fd = -1;
        atomic_fetch_add(&board_counts(h->board)->cut_off, 1);
    }
    pthread_mutex_unlock(&h->lock);
}

/* A path is compared as it was sent: no path of ours needs escapes. */
static size_t unescape(void *arg, struct MHD_Connection *c, char *path) {
    (void)arg, (void)c;
    return strlen(path);
}

static struct MHD_Daemon *start_daemon(const struct http_how *how, struct http *h) {
    /* not epoll: 0.9.75 misses the end of a connection that comes along with its last bytes */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)how->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)how->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"},
        {MHD_OPTION_END, 0, NULL},
    };
    if (how->cert)
        flags |= MHD_USE_TLS;
    else
        tls[0].option = MHD_OPTION_END;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, answer, h, MHD_OPTION_EXTERNAL_LOGGER, hear, h,
        MHD_OPTION_LISTEN_SOCKET, how->fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_OF_ONE_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_answered, h, MHD_OPTION_UNESCAPE_CALLBACK,
        unescape, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

int http_start(const struct http_how *how, struct http **ret, struct err *e) {
    struct http *h = mem_zalloc(sizeof *h);
    h->board = how->board;
    h->request_ns = how->request_ns;
    pthread_mutex_init(&h->lock, NULL);
    http_set_token(h, how->token);
    h->daemon = start_daemon(how, h);
    if (h->daemon) {
        *ret = h;
        return 0;
    }
    int r =
        err_set(e, how->cert ? -EBADMSG : -EIO,
                how->cert ? "The certificate and its key must be PEM, and belong together." : NULL,
                "The server cannot begin: %s", h->words[0] ? h->words : strerror(errno));
    pthread_mutex_destroy(&h->lock);
    free(h);
    return r;
}

void http_set_token(struct http *h, const struct token *token) {
    pthread_mutex_lock(&h->lock);
    h->wants_token = token;
    if (token)
        h->token = *token;
    pthread_mutex_unlock(&h->lock);
}

void http_stop(struct http *h) {
    if (!h)
        return;
    MHD_stop_daemon(h->daemon);
    vec_free(&h->clients);
    pthread_mutex_destroy(&h->lock);
    explicit_bzero(&h->token, sizeof h->token);
    free(h);
}
