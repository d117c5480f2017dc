/* The client against servers that answer as Node does, wrongly, or never. */
#include "base/clock.h"
#include "inspector/client.h"
#include "inspector/listening.h"
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_NS 400000000ull
#define LONG_NS 5000000000ull

/* --- a server --- */

typedef void server_fn(int listening);

static void say(int fd, const char *text) {
    (void)!write(fd, text, strlen(text));
}

/* A request up to its empty line. */
static bool hear(int fd, char *buf, size_t size) {
    size_t n = 0;
    while (n + 1 < size) {
        ssize_t got = read(fd, buf + n, size - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        buf[n] = '\0';
        if (strstr(buf, "\r\n\r\n"))
            return true;
    }
    return false;
}

static int next(int listening) {
    return accept(listening, NULL, NULL);
}

static void http(int fd, const char *body) {
    char text[512];
    snprintf(text, sizeof text,
             "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    say(fd, text);
}

#define LISTING "[{\"type\": \"node\", \"id\": \"0123-abc\"}]"

static void answers_with(int listening, const char *body) {
    char buf[4096];
    int fd = next(listening);
    if (hear(fd, buf, sizeof buf))
        http(fd, body);
    close(fd);
    pause();
}

static void never(int listening) {
    next(listening);
    pause();
}
static void closes(int listening) {
    close(next(listening));
    pause();
}
static void garbage(int listening) {
    char buf[4096];
    int fd = next(listening);
    hear(fd, buf, sizeof buf);
    for (int i = 0; i < 64; i++)
        say(fd, "\x01\xff garbage \r\n\r\n\x80");
    close(fd);
    pause();
}
static void nobody(int listening) {
    answers_with(listening, "[]");
}
static void another_kind(int listening) {
    answers_with(listening, "[{\"type\": \"page\", \"id\": \"../../x\"}]");
}
static void no_websocket(int listening) {
    char buf[4096];
    int fd = next(listening);
    hear(fd, buf, sizeof buf);
    http(fd, LISTING);
    close(fd);
    fd = next(listening);
    hear(fd, buf, sizeof buf);
    http(fd, "{}");
    pause();
}

/* Up to the open WebSocket, RFC 6455. */
static int websocket(int listening) {
    char buf[4096], key[128], accept[64], text[256];
    unsigned char hash[20];
    int fd = next(listening);
    hear(fd, buf, sizeof buf);
    http(fd, LISTING);
    close(fd);
    fd = next(listening);
    hear(fd, buf, sizeof buf);
    const char *at = strcasestr(buf, "sec-websocket-key: ");
    if (!at || sscanf(at + strlen("sec-websocket-key: "), "%60s", key) != 1)
        _exit(1);
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    lws_SHA1((unsigned char *)key, strlen(key), hash);
    lws_b64_encode_string((char *)hash, sizeof hash, accept, sizeof accept);
    snprintf(text, sizeof text,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    say(fd, text);
    return fd;
}

static void frame(int fd, const char *text) {
    size_t n = strlen(text);
    unsigned char head[4] = {0x81, 126, (unsigned char)(n >> 8), (unsigned char)n};
    if (n < 126)
        head[1] = (unsigned char)n;
    (void)!write(fd, head, n < 126 ? 2 : 4);
    say(fd, text);
}

static void as_node(int listening) {
    char buf[4096];
    int fd = websocket(listening);
    (void)!read(fd, buf, sizeof buf);
    frame(fd, "no json at all");
    frame(fd, "{\"method\": \"Runtime.executionContextCreated\", \"params\": {}}");
    frame(fd, "{\"id\": 77, \"result\": {\"not\": \"yours\"}}");
    frame(fd, "{\"id\": 1, \"result\": {\"answer\": 42}}");
    (void)!read(fd, buf, sizeof buf);
    frame(fd, "{\"id\": 2, \"error\": {\"code\": -32601, \"message\": \"'X' wasn't found\"}}");
    (void)!read(fd, buf, sizeof buf);
    frame(fd, "{\"id\": 3, \"result\": {\"exceptionDetails\": {\"exception\": {\"description\": "
              "\"Error: thrown\"}}}}");
    pause();
}
static void mute(int listening) {
    websocket(listening);
    pause();
}
static void endless(int listening) {
    static char much[65536];
    int fd = websocket(listening);
    (void)!read(fd, much, sizeof much);
    memset(much, ' ', sizeof much);
    unsigned char head[10] = {0x81, 127, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff};
    (void)!write(fd, head, sizeof head);
    while (write(fd, much, sizeof much) > 0)
        ;
    pause();
}

/* --- what the client makes of it --- */

static pid_t server;

static struct inspector_address start(server_fn *serve) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        serve(fd);
        _exit(0);
    }
    close(fd);
    struct inspector_address ret = {.port = ntohs(at.sin_port)};
    strcpy(ret.host, "127.0.0.1");
    return ret;
}

static void stop(void) {
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

static void refuses(server_fn *serve, uint64_t timeout_ns, int code) {
    struct inspector_address at = start(serve);
    struct inspector_client *c = NULL;
    struct err e = {0};
    uint64_t began = clock_ns();
    assert_int_equal(inspector_client_open(getpid(), &at, timeout_ns, NULL, &c, &e), code);
    assert_null(c);
    assert_true(e.what[0]);
    assert_true(clock_ns() - began < timeout_ns + LONG_NS);
    stop();
}

static void not_an_inspector(void **state) {
    (void)state;
    refuses(never, SOON_NS, -ETIMEDOUT);
    refuses(closes, LONG_NS, -EPROTO);
    refuses(garbage, LONG_NS, -EPROTO);
    refuses(nobody, LONG_NS, -EPROTO);
    refuses(another_kind, LONG_NS, -EPROTO);
    refuses(no_websocket, LONG_NS, -EPROTO);
}

static void conversation(void **state) {
    (void)state;
    struct inspector_address at = start(as_node);
    struct inspector_client *c;
    struct err e = {0};
    json_t *result;
    assert_int_equal(inspector_client_open(getpid(), &at, LONG_NS, NULL, &c, &e), 0);
    assert_int_equal(inspector_client_call(c, "A", NULL, LONG_NS, &result, &e), 0);
    assert_int_equal(json_integer_value(json_object_get(result, "answer")), 42);
    json_decref(result);
    assert_int_equal(inspector_client_call(c, "X", json_object(), LONG_NS, NULL, &e), -EPROTO);
    assert_non_null(strstr(e.what, "'X' wasn't found"));
    assert_int_equal(inspector_client_call(c, "B", NULL, LONG_NS, NULL, &e), -EPROTO);
    assert_non_null(strstr(e.what, "Error: thrown"));
    inspector_client_close(c);
    stop();
}

static int call(server_fn *serve, uint64_t timeout_ns, const atomic_bool *give_up) {
    struct inspector_address at = start(serve);
    struct inspector_client *c;
    assert_int_equal(inspector_client_open(getpid(), &at, LONG_NS, give_up, &c, NULL), 0);
    int r = inspector_client_call(c, "A", NULL, timeout_ns, NULL, NULL);
    inspector_client_close(c);
    stop();
    return r;
}

static atomic_bool given_up;

static void on_alarm(int signal) {
    (void)signal;
    atomic_store(&given_up, true);
}

static void no_answer(void **state) {
    (void)state;
    assert_int_equal(call(mute, SOON_NS, NULL), -ETIMEDOUT);
    assert_int_equal(call(endless, 60000000000ull, NULL), -EPROTO);
    signal(SIGALRM, on_alarm);
    ualarm(300000, 0);
    assert_int_equal(call(mute, 60000000000ull, &given_up), -ECANCELED);
}

static void addresses(void **state) {
    (void)state;
    struct inspector_address a;
    assert_true(listening_address("127.0.0.1:9229", &a));
    assert_string_equal(a.host, "127.0.0.1");
    assert_int_equal(a.port, 9229);
    assert_true(listening_address("[::1]:80", &a));
    assert_string_equal(a.host, "::1");
    assert_true(listening_address("0.0.0.0:1", &a));
    assert_string_equal(a.host, "127.0.0.1");
    assert_true(listening_address("[::]:1", &a));
    assert_string_equal(a.host, "::1");
    assert_false(listening_address("nothing", &a));
    assert_false(listening_address("127.0.0.1:0", &a));
    assert_false(listening_address("127.0.0.1:70000", &a));
    assert_false(listening_address(":80", &a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_an_inspector),
        cmocka_unit_test(conversation),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
