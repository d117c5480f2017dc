/* One HTTP/1.1 request and its answer, beside everything else: nothing here waits. Of the answer
 * only the status is kept; it is bounded in time and bytes, and no redirection is followed. */
#ifndef MEMWHY_CMD_WATCH_EXCHANGE_H
#define MEMWHY_CMD_WATCH_EXCHANGE_H

#include "base/err.h"
#include "base/vec.h"
#include "trial/http_response.h"
#include "watch/url.h"
#include <poll.h>
#include <sys/socket.h>

enum { EXCHANGE_BODY_MOST = 64 << 20 }; /* bytes of an answer */

struct poll_list {
    VEC(struct pollfd) list;
};

/* Where a URL leads. Names are looked up once, when the watching begins: that may wait. */
struct web_address {
    const char *text; /* the whole URL; borrowed */
    struct watch_url url;
    struct sockaddr_storage at;
    socklen_t n;
    bool loopback;
    uint16_t port;
};
struct web_book {
    VEC(struct web_address) list; /* each URL once */
};
/* -EINVAL with the reason; `text` must live as long. */
int web_book_add(struct web_book *b, const char *text, struct err *e);
/* One that was added. */
const struct web_address *web_book_find(const struct web_book *b, const char *text);

struct exchange {
    enum {
        EXCHANGE_NONE,
        EXCHANGE_GOING,
        EXCHANGE_ANSWERED,
        EXCHANGE_TIMED_OUT,
        EXCHANGE_FAILED
    } state;
    int status;                              /* when answered */
    const char *why;                         /* when failed: a clause */
    uint64_t began_ns, ended_ns, timeout_ns; /* by the monotonic clock */
    int fd;
    bool connected;
    char *request;
    size_t n, sent;
    uint64_t bytes; /* of the answer */
    struct http_response response;
};

/* `body` NULL: a GET; else a POST of that JSON. A loopback address is meant as the process `whose`
 * sees it, which may be of a container with a network of its own; 0: as we do. */
void exchange_begin(struct exchange *x, const struct web_address *to, pid_t whose, const char *body,
                    uint64_t timeout_ns);
/* As far as it goes without waiting; true when it is over. */
bool exchange_step(struct exchange *x);
/* What to wait for, with poll(2), until exchange_step() is to be called again. */
void exchange_poll(const struct exchange *x, struct poll_list *l);
void exchange_done(struct exchange *x);

#endif
