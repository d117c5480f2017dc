/* The server by itself: a page under its readers' hands, slow clients, too many, a stale board. */
#include "base/clock.h"
#include "base/mem.h"
#include "serve/address.h"
#include "serve/http.h"
#include "unit.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS_NS 1000000ull
#define SECOND_NS (1000 * MS_NS)

struct server {
    struct serve_address address;
    struct board *board;
    struct http *http;
};

static void start(struct server *s, uint64_t request_ns) {
    struct err e = {0};
    int fd;
    *s = (struct server){.board = board_new(SECOND_NS)};
    assert_int_equal(serve_address_parse("127.0.0.1:0", &s->address, &e), 0);
    assert_int_equal(serve_address_listen(&s->address, &fd, &e), 0);
    struct http_how how = {.fd = fd, .board = s->board, .request_ns = request_ns};
    assert_int_equal(http_start(&how, &s->http, &e), 0);
}

static void stop(struct server *s) {
    http_stop(s->http);
    board_free(s->board);
}

static int dial(const struct server *s) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&s->address.at, s->address.len), 0);
    return fd;
}

/* A page of n letters. */
static void post(struct server *s, size_t n, char letter) {
    struct metric_text text[METRIC_FORMS];
    for (size_t f = 0; f < METRIC_FORMS; f++) {
        text[f] = (struct metric_text){.form = f, .at = mem_alloc(n), .n = n, .cap = n};
        memset(text[f].at, letter, n);
    }
    board_post(s->board, text);
}

static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

static void ask(int fd) {
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

/* Bytes until n are there, or the connection ends. The caller frees them. */
static char *hear(int fd, size_t n, size_t *ret_n) {
    char *text = mem_zalloc(n + 1);
    size_t have = 0;
    ssize_t got;
    while (have < n && (got = recv(fd, text + have, n - have, 0)) > 0)
        have += (size_t)got;
    *ret_n = have;
    return text;
}

/* Until the server ends the connection: in ns, or UINT64_MAX when it did not. */
static uint64_t until_end(int fd, struct server *s, bool trickles) {
    uint64_t began = clock_ns(), now = began;
    for (; now < began + 5 * SECOND_NS; now = clock_ns()) {
        struct pollfd p = {fd, POLLRDHUP, 0};
        http_end_overdue(s->http);
        if (poll(&p, 1, 20) > 0)
            return now - began;
        if (trickles && send(fd, "x", 1, MSG_NOSIGNAL) < 0)
            return now - began;
    }
    return UINT64_MAX;
}

static void slow_clients_end(void **state) {
    (void)state;
    struct server s;
    start(&s, 300 * MS_NS);
    post(&s, 64 << 20, 'x');
    int silent = dial(&s), slow = dial(&s), deaf = dial(&s);
    assert_int_equal(send(slow, request, 5, MSG_NOSIGNAL), 5);
    ask(deaf); /* and reads nothing of 64 MB */
    uint64_t took = until_end(slow, &s, true);
    assert_true(took >= 250 * MS_NS && took < 3 * SECOND_NS);
    assert_true(until_end(silent, &s, false) < 3 * SECOND_NS);
    for (int i = 0; i < 100 && atomic_load(&board_counts(s.board)->cut_off) < 3; i++) {
        usleep(20 * 1000);
        http_end_overdue(s.http);
    }
    assert_int_equal(atomic_load(&board_counts(s.board)->cut_off), 3);
    size_t n; /* it gets what was on its way, and no more */
    free(hear(deaf, 64 << 20, &n));
    assert_true(n > 0 && n < 63 << 20);
    close(silent);
    close(slow);
    close(deaf);
    stop(&s);
}

/* A connection that is used may be kept, as long as each request is quick. */
static void a_kept_connection_lives(void **state) {
    (void)state;
    struct server s;
    start(&s, 600 * MS_NS);
    post(&s, 10, 'x');
    int fd = dial(&s);
    size_t n;
    for (int i = 0; i < 4; i++) {
        ask(fd);
        cleanup_free char *text = hear(fd, strlen("HTTP/1.1 200 OK"), &n);
        assert_string_equal(text, "HTTP/1.1 200 OK");
        char rest[4096];
        assert_true(recv(fd, rest, sizeof rest, 0) > 0);
        usleep(250 * 1000);
        http_end_overdue(s.http);
    }
    assert_int_equal(atomic_load(&board_counts(s.board)->cut_off), 0);
    assert_int_equal(atomic_load(&board_counts(s.board)->scrapes), 4);
    close(fd);
    stop(&s);
}

static void a_page_lasts_until_it_is_read(void **state) {
    (void)state;
    enum { LARGE = 8 << 20, HEAD_MAX = 4096 };
    struct server s;
    start(&s, 60 * SECOND_NS);
    post(&s, LARGE, 'a');
    int fd = dial(&s);
    ask(fd);
    size_t n;
    char first[16];
    assert_true(recv(fd, first, sizeof first, 0) == sizeof first);
    for (char c = 'b'; c < 'h'; c++)
        post(&s, LARGE, c); /* the page under way is no longer the board's */
    cleanup_free char *rest = hear(fd, LARGE, &n);
    assert_int_equal(n, LARGE);
    for (size_t i = HEAD_MAX; i < n; i++)
        if (rest[i] != 'a')
            fail_msg("byte %zu is of another page", i);
    close(fd);
    stop(&s);
}

static void too_many_connections(void **state) {
    (void)state;
    struct server s;
    start(&s, 60 * SECOND_NS);
    post(&s, 10, 'x');
    enum { MANY = 100, ALLOWED = 64 };
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(&s);
        usleep(500);
    }
    int open = 0;
    usleep(200 * 1000);
    for (int i = 0; i < MANY; i++) {
        struct pollfd p = {fds[i], POLLRDHUP | POLLIN, 0};
        open += poll(&p, 1, 0) == 0;
    }
    assert_int_equal(open, ALLOWED);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    int fd;
    size_t n = 0;
    for (int i = 0; i < 100 && n == 0; i++) { /* and then there is room again */
        fd = dial(&s);
        if (send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
            free(hear(fd, 15, &n));
        close(fd);
        usleep(20 * 1000);
    }
    assert_int_equal(n, 15);
    stop(&s);
}

static void freshness(void **state) {
    (void)state;
    struct server s = {.board = board_new(2 * SECOND_NS)};
    char reason[BOARD_REASON_MAX] = "";
    assert_false(board_is_fresh(s.board, clock_ns(), reason));
    assert_string_equal(reason, "No round of samples is finished yet.");
    post(&s, 1, 'x');
    uint64_t now = clock_ns();
    assert_true(board_is_fresh(s.board, now + 5 * SECOND_NS, reason));
    assert_false(board_is_fresh(s.board, now + 7 * SECOND_NS, reason));
    assert_non_null(strstr(reason, "7.00 s ago; one is due every 2.00 s."));
    struct err e = {-EIO, "No /proc here.", ""};
    board_fail(s.board, &e);
    assert_true(board_is_fresh(s.board, now + SECOND_NS, reason)); /* one may fail */
    assert_false(board_is_fresh(s.board, now + 100 * SECOND_NS, reason));
    assert_non_null(strstr(reason, "No /proc here."));
    post(&s, 1, 'x');
    assert_false(board_is_fresh(s.board, now + 100 * SECOND_NS, reason));
    assert_null(strstr(reason, "/proc"));
    board_free(s.board);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_clients_end),
        cmocka_unit_test(a_kept_connection_lives),
        cmocka_unit_test(a_page_lasts_until_it_is_read),
        cmocka_unit_test(too_many_connections),
        cmocka_unit_test(freshness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
