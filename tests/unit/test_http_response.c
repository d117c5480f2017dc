/* Responses as they come in, whole and byte by byte: both must end at the same place. */
#include "base/limits.h"
#include "trial/http_response.h"
#include "unit.h"

/* Feeds it in pieces of `step` bytes; returns how many were taken. */
static size_t feed(struct http_response *r, const char *text, size_t step) {
    size_t n = strlen(text), taken = 0;
    http_response_begin(r);
    while (taken < n) {
        size_t some = n - taken < step ? n - taken : step;
        size_t got = http_response_feed(r, text + taken, some);
        taken += got;
        if (got < some || r->part >= HTTP_DONE)
            break;
    }
    return taken;
}

static const struct {
    const char *text;
    enum http_part part;
    int status;
    bool reusable;
    size_t rest; /* bytes behind its end */
} cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", HTTP_DONE, 200, true, 4},
    {"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", HTTP_DONE, 200, true, 0},
    {"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", HTTP_DONE, 200, true, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", HTTP_DONE, 200, false, 0},
    {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", HTTP_DONE, 200,
     true, 0},
    {"HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", HTTP_DONE, 500, false,
     0},
    {"HTTP/1.1 204 None\r\n\r\nX", HTTP_DONE, 204, true, 1},
    {"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", HTTP_DONE, 304, true, 0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\nx", HTTP_DONE, 201,
     true, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
     "chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n!",
     HTTP_DONE, 200, true, 1},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: 1\r\n\r\n", HTTP_DONE, 200,
     true, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n", HTTP_BROKEN, 200, true,
     0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", HTTP_BROKEN, 200, true, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", HTTP_BROKEN, 200, true, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", HTTP_BROKEN, 200, true,
     0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", HTTP_BROKEN, 200, true,
     0},
    {"SSH-2.0-OpenSSH_9\r\n", HTTP_BROKEN, 0, true, 0},
    {"HTTP/1.1 099 Odd\r\n", HTTP_BROKEN, 0, true, 0},
    {"HTTP/1.1 2000 Odd\r\n", HTTP_BROKEN, 0, true, 0},
    {"HTTP/1.1 200 OK\r\nDate: to", HTTP_HEADERS, 200, true, 0},
};

static void whole_and_in_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 100; step = step * 2 + 1) {
            struct http_response r;
            size_t n = strlen(cases[i].text), taken = feed(&r, cases[i].text, step);
            assert_int_equal(r.part, cases[i].part);
            assert_int_equal(r.status, cases[i].status);
            if (r.part != HTTP_DONE)
                continue;
            assert_int_equal(r.reusable, cases[i].reusable);
            assert_int_equal(n - taken, cases[i].rest);
        }
}

static void until_the_server_closes(void **state) {
    (void)state;
    struct http_response r;
    feed(&r, "HTTP/1.1 200 OK\r\n\r\nas much as there is", 7);
    assert_int_equal(r.part, HTTP_UNTIL_CLOSE);
    http_response_close(&r);
    assert_int_equal(r.part, HTTP_DONE);
    assert_false(r.reusable);
    feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 7);
    http_response_close(&r);
    assert_int_equal(r.part, HTTP_BROKEN);
}

static void long_lines_and_heads(void **state) {
    (void)state;
    struct http_response r;
    char line[4096];
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    feed(&r, "HTTP/1.1 200 OK\r\nX: ", 100);
    http_response_feed(&r, line, strlen(line));
    http_response_feed(&r, "\r\nContent-Length: 0\r\n\r\n", 23);
    assert_int_equal(r.part, HTTP_DONE);
    feed(&r, "HTTP/1.1 200 OK\r\nX: ", 100);
    for (size_t i = 0; i < 2 * LIMIT_HTTP_HEAD / sizeof line; i++)
        http_response_feed(&r, line, strlen(line));
    assert_int_equal(r.part, HTTP_BROKEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_and_in_pieces),
        cmocka_unit_test(until_the_server_closes),
        cmocka_unit_test(long_lines_and_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
