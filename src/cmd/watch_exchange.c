#include "cmd/watch_exchange.h"

#include "base/clock.h"
#include "inspector/netns.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static bool is_loopback(const struct sockaddr_storage *a) {
    if (a->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

const struct web_address *web_book_find(const struct web_book *b, const char *text) {
    for (size_t i = 0; i < b->list.n; i++)
        if (strcmp(b->list.at[i].text, text) == 0)
            return &b->list.at[i];
    return NULL;
}

int web_book_add(struct web_book *b, const char *text, struct err *e) {
    struct web_address w = {.text = text};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    if (web_book_find(b, text))
        return 0;
    const char *why = watch_url_parse(text, &w.url);
    if (why)
        return err_set(e, -EINVAL, "", "%s: %s", text, why);
    int rc = getaddrinfo(w.url.host, w.url.port, &hints, &found);
    if (rc != 0)
        return err_set(e, -EINVAL, "Give its address.", "%s: the host %s is not known (%s)", text,
                       w.url.host, gai_strerror(rc));
    memcpy(&w.at, found->ai_addr, found->ai_addrlen);
    w.n = found->ai_addrlen;
    freeaddrinfo(found);
    w.loopback = is_loopback(&w.at);
    w.port = (uint16_t)strtoul(w.url.port, NULL, 10);
    vec_push(&b->list, w);
    return 0;
}

static bool over(struct exchange *x, int state, const char *why) {
    x->ended_ns = clock_ns();
    x->state = state;
    x->why = why;
    close(x->fd);
    x->fd = -1;
    free(x->request);
    x->request = NULL;
    return true;
}

static const char *no_connection(int error) {
    switch (error) {
    case ECONNREFUSED:
        return "nobody listens there";
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "there is no way to that host";
    default:
        return "no connection could be made";
    }
}

static int open_socket(const struct web_address *to, pid_t whose) {
    int back = -1;
    int rc = whose && to->loopback ? netns_enter(whose, &back, NULL) : 0;
    if (rc < 0 && rc != -EACCES) /* whose network may not even be seen: ours, as likely as not */
        return -1;
    int fd = socket(to->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    netns_leave(back);
    return fd;
}

void exchange_begin(struct exchange *x, const struct web_address *to, pid_t whose, const char *body,
                    uint64_t timeout_ns) {
    const char *path = to->url.path;
    exchange_done(x);
    *x = (struct exchange){
        .state = EXCHANGE_GOING, .began_ns = clock_ns(), .timeout_ns = timeout_ns};
    x->request =
        body ? mem_printf("POST %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: memwhy\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n%s",
                          *path == '/' ? "" : "/", path, to->url.authority, strlen(body), body)
             : mem_printf("GET %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: memwhy\r\n"
                          "Accept: */*\r\nConnection: close\r\n\r\n",
                          *path == '/' ? "" : "/", path, to->url.authority);
    x->n = strlen(x->request);
    http_response_begin(&x->response);
    x->fd = open_socket(to, whose);
    if (x->fd < 0) {
        over(x, EXCHANGE_FAILED, "no socket could be opened in the network of the process");
        return;
    }
    setsockopt(x->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(x->fd, (const struct sockaddr *)&to->at, to->n) < 0 && errno != EINPROGRESS)
        over(x, EXCHANGE_FAILED, no_connection(errno));
}

/* False when it is to be waited for. */
static bool send_some(struct exchange *x) {
    while (x->sent < x->n) {
        ssize_t n = send(x->fd, x->request + x->sent, x->n - x->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
            return false;
        if (n < 0)
            return over(x, EXCHANGE_FAILED,
                        x->connected ? "the connection was closed before it was asked"
                                     : no_connection(errno));
        x->connected = true;
        x->sent += (size_t)n;
    }
    return false;
}

static bool receive_some(struct exchange *x) {
    char buf[16 << 10];
    for (;;) {
        ssize_t n = recv(x->fd, buf, sizeof buf, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
            return false;
        if (n < 0)
            return over(x, EXCHANGE_FAILED,
                        x->connected ? "the connection was closed before the answer was whole"
                                     : no_connection(errno));
        if (n == 0)
            http_response_close(&x->response);
        else
            http_response_feed(&x->response, buf, (size_t)n);
        x->bytes += (uint64_t)n;
        if (x->response.part == HTTP_BROKEN)
            return over(x, EXCHANGE_FAILED,
                        n ? "what answers there does not speak HTTP"
                          : "the connection was closed before the answer was whole");
        if (x->response.part == HTTP_DONE || x->bytes > EXCHANGE_BODY_MOST) {
            x->status = x->response.status;
            return over(x, EXCHANGE_ANSWERED, NULL);
        }
    }
}

bool exchange_step(struct exchange *x) {
    if (x->state != EXCHANGE_GOING)
        return true;
    if (send_some(x) || (x->sent && receive_some(x)))
        return true;
    if (clock_ns() - x->began_ns >= x->timeout_ns)
        return over(x, EXCHANGE_TIMED_OUT, "there was no answer in time");
    return false;
}

void exchange_poll(const struct exchange *x, struct poll_list *l) {
    if (x->state == EXCHANGE_GOING)
        vec_push(&l->list,
                 (struct pollfd){.fd = x->fd, .events = x->sent < x->n ? POLLOUT : POLLIN});
}

void exchange_done(struct exchange *x) {
    if (x->state == EXCHANGE_GOING)
        close(x->fd);
    free(x->request);
    *x = (struct exchange){0};
}
