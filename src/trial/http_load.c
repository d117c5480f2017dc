#include "trial/http_load.h"

#include "base/clock.h"
#include "base/mem.h"
#include "trial/http_response.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define PAUSE_NS 10000000ull /* of a connection that failed: a dead server is not to be stormed */

enum { EVENTS = 64, STEP_MS = 5, ASK_NS = 100000000 };

struct connection {
    int fd; /* -1: closed */
    bool busy, connected;
    uint64_t due_ns;   /* when its request was to be sent */
    uint64_t until_ns; /* and when it is given up; of an idle one when it may be used again */
    size_t sent;
    struct http_response response;
};

struct load {
    const struct http_load_how *how;
    struct http_load_result *result;
    struct connection *all;
    int epoll;
    char *request;
    size_t request_len;
    uint64_t begin_ns, end_ns, started, busy;
};

const char *http_failure_name(enum http_failure f) {
    static const char *const names[] = {[HTTP_NOT_CONNECTED] = "not_connected",
                                        [HTTP_CUT_OFF] = "cut_off",
                                        [HTTP_NOT_HTTP] = "not_http",
                                        [HTTP_TIMED_OUT] = "timed_out",
                                        [HTTP_BAD_STATUS] = "bad_status"};
    return names[f];
}

static void drop(struct connection *c) {
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->connected = false;
}

static void finish(struct load *l, struct connection *c, uint64_t now) {
    c->busy = false;
    c->until_ns = 0;
    l->busy--;
    l->result->took_ns = now - l->begin_ns;
}

static void fail(struct load *l, struct connection *c, enum http_failure why, uint64_t now) {
    drop(c);
    finish(l, c, now);
    c->until_ns = now + PAUSE_NS;
    l->result->failures[why]++;
}

static void succeed(struct load *l, struct connection *c, uint64_t now) {
    latency_add(&l->result->latency, now - c->due_ns);
    l->result->requests++;
    if (c->response.status >= 400)
        l->result->failures[HTTP_BAD_STATUS]++;
    if (!c->response.reusable)
        drop(c);
    finish(l, c, now);
}

static bool dial(struct load *l, struct connection *c) {
    int one = 1;
    c->fd = socket(l->how->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event on = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                             .data.u64 = (uint64_t)(c - l->all)};
    if ((connect(c->fd, (const struct sockaddr *)&l->how->address, l->how->address_len) < 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &on) < 0) {
        drop(c);
        return false;
    }
    return true;
}

static void send_request(struct load *l, struct connection *c, uint64_t now) {
    while (c->sent < l->request_len) {
        ssize_t n = send(c->fd, l->request + c->sent, l->request_len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
            return;
        if (n < 0) {
            fail(l, c, c->connected ? HTTP_CUT_OFF : HTTP_NOT_CONNECTED, now);
            return;
        }
        c->connected = true;
        c->sent += (size_t)n;
    }
}

static void start(struct load *l, struct connection *c, uint64_t due, uint64_t now) {
    c->busy = true;
    c->due_ns = due;
    c->until_ns = now + l->how->timeout_ns;
    c->sent = 0;
    http_response_begin(&c->response);
    l->started++;
    l->busy++;
    if (c->fd < 0 && !dial(l, c))
        fail(l, c, HTTP_NOT_CONNECTED, now);
    else if (c->connected)
        send_request(l, c, now);
}

/* What the server said; closes what it says unasked. */
static void receive(struct load *l, struct connection *c, uint64_t now) {
    char buf[64 << 10];
    ssize_t n;
    while (c->fd >= 0 && (n = recv(c->fd, buf, sizeof buf, 0)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (!c->busy) {
            drop(c);
            return;
        }
        if (n < 0) {
            fail(l, c, c->connected ? HTTP_CUT_OFF : HTTP_NOT_CONNECTED, now);
            return;
        }
        l->result->bytes += (uint64_t)n;
        size_t taken = http_response_feed(&c->response, buf, (size_t)n);
        if (c->response.part == HTTP_BROKEN || taken < (size_t)n)
            fail(l, c, HTTP_NOT_HTTP, now);
        else if (c->response.part == HTTP_DONE)
            succeed(l, c, now);
    }
    if (c->fd < 0)
        return;
    if (c->busy) { /* it closed */
        http_response_close(&c->response);
        if (c->response.part == HTTP_DONE)
            succeed(l, c, now);
        else
            fail(l, c, HTTP_CUT_OFF, now);
    }
    drop(c);
}

static void serve(struct load *l, struct connection *c, uint32_t events, uint64_t now) {
    if (c->fd < 0)
        return;
    if ((events & (EPOLLERR | EPOLLHUP)) && !c->connected && c->busy) {
        fail(l, c, HTTP_NOT_CONNECTED, now);
        return;
    }
    if (c->busy && (events & EPOLLOUT))
        send_request(l, c, now);
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        receive(l, c, now);
}

/* The number of requests that should have begun by now. */
static uint64_t due_by(const struct load *l, uint64_t now) {
    uint64_t most = l->how->requests ? l->how->requests : UINT64_MAX;
    if (now >= l->end_ns)
        now = l->end_ns;
    if (!l->how->per_second)
        return most;
    double due = (double)(now - l->begin_ns) / (double)SECOND_NS * (double)l->how->per_second + 1;
    return due < (double)most ? (uint64_t)due : most;
}

/* Give the idle something to do, and give up what has waited too long. */
static void turn(struct load *l, uint64_t now) {
    uint64_t due = due_by(l, now);
    for (uint32_t i = 0; i < l->how->connections; i++) {
        struct connection *c = &l->all[i];
        if (c->busy && now >= c->until_ns)
            fail(l, c, HTTP_TIMED_OUT, now);
        if (c->busy || now < c->until_ns || now >= l->end_ns || l->started >= due)
            continue;
        uint64_t at = now;
        if (l->how->per_second)
            at = l->begin_ns +
                 (uint64_t)((double)l->started / (double)l->how->per_second * (double)SECOND_NS);
        start(l, c, at, now);
    }
}

static bool is_over(const struct load *l, uint64_t now) {
    bool no_more = now >= l->end_ns || (l->how->requests && l->started >= l->how->requests);
    return no_more && !l->busy;
}

static void run(struct load *l) {
    struct epoll_event events[EVENTS];
    uint64_t asked = l->begin_ns;
    for (uint64_t now = l->begin_ns; !is_over(l, now); now = clock_ns()) {
        if (now - asked > ASK_NS) {
            asked = now;
            if (l->how->enough && l->how->enough(l->how->arg))
                break;
        }
        turn(l, now);
        int n = epoll_wait(l->epoll, events, EVENTS, l->how->per_second ? 1 : STEP_MS);
        now = clock_ns();
        for (int i = 0; i < n; i++)
            serve(l, &l->all[events[i].data.u64], events[i].events, now);
    }
    uint64_t due = l->how->per_second ? due_by(l, clock_ns()) : l->started;
    l->result->late = due > l->started ? due - l->started : 0;
}

int http_load(const struct http_load_how *how, struct http_load_result *ret) {
    struct load l = {.how = how, .result = ret, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (l.epoll < 0)
        return -errno;
    memset(ret, 0, sizeof *ret);
    l.request = mem_printf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: memwhy\r\n"
                           "Accept: */*\r\nAccept-Encoding: gzip\r\n\r\n",
                           how->path, how->host);
    l.request_len = strlen(l.request);
    l.all = mem_zalloc(how->connections * sizeof *l.all);
    for (uint32_t i = 0; i < how->connections; i++)
        l.all[i].fd = -1;
    l.begin_ns = clock_ns();
    l.end_ns = l.begin_ns + how->for_ns;
    run(&l);
    for (uint32_t i = 0; i < how->connections; i++)
        drop(&l.all[i]);
    free(l.all);
    free(l.request);
    close(l.epoll);
    return 0;
}
