/* The HTTP server: GET and HEAD of /metrics, /healthz and /, by one thread that waits for nobody's
 * work. Bounds what strangers may make it hold: connections, headers, and the time of a request. */
#ifndef MEMWHY_SERVE_HTTP_H
#define MEMWHY_SERVE_HTTP_H

#include "base/err.h"
#include "serve/board.h"
#include "serve/secret.h"

struct http_how {
    int fd;                    /* listens; the server's once it is started */
    const char *cert, *key;    /* PEM texts, for as long as it serves; NULL: without TLS */
    const struct token *token; /* what all but /healthz wants to be shown; NULL: nothing */
    struct board *board;
    /* The most that a request may take, from its first byte, or the answer before, to its answer.
     */
    uint64_t request_ns;
};

struct http;

/* Can this libmicrohttpd speak TLS? */
bool http_has_tls(void);
int http_start(const struct http_how *how, struct http **ret, struct err *e);
void http_set_token(struct http *h, const struct token *token);
/* End connections whose request has been under way for too long, however lively they are. To be
 * called every second or so. */
void http_end_overdue(struct http *h);
void http_stop(struct http *h);

#endif
