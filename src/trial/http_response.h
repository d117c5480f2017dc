/* An HTTP/1.1 response as it comes in, piece by piece: where it ends, its status, and whether the
 * connection can be used again (RFC 9112). What it says is not kept. The bytes are foreign. */
#ifndef MEMWHY_TRIAL_HTTP_RESPONSE_H
#define MEMWHY_TRIAL_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_part {
    HTTP_STATUS_LINE,
    HTTP_HEADERS,
    HTTP_BODY,       /* `left` bytes */
    HTTP_CHUNK_SIZE, /* a line */
    HTTP_CHUNK,      /* `left` bytes */
    HTTP_CHUNK_END,  /* an empty line */
    HTTP_TRAILERS,
    HTTP_UNTIL_CLOSE,
    HTTP_DONE,
    HTTP_BROKEN, /* no HTTP, or more head than LIMIT_HTTP_HEAD */
};

struct http_response {
    enum http_part part;
    int status;    /* 0 until it is known */
    bool reusable; /* once it is done: the server keeps the connection */
    uint64_t left; /* of the body or the chunk */
    bool has_length, chunked;
    size_t head_bytes; /* so far */
    char line[128];    /* the beginning of the current one */
    size_t line_bytes;
};

void http_response_begin(struct http_response *r);
/* Takes in bytes; returns how many: all, unless the response is done or broken before. */
size_t http_response_feed(struct http_response *r, const char *bytes, size_t n);
/* The server closed the connection: done if that was to be its end, else broken. */
void http_response_close(struct http_response *r);

#endif
