#include "trial/http_response.h"

#include "base/limits.h"
#include <string.h>
#include <strings.h>

void http_response_begin(struct http_response *r) {
    *r = (struct http_response){.part = HTTP_STATUS_LINE, .reusable = true};
}

static enum http_part status_line(struct http_response *r) {
    const char *s = r->line;
    if (strncmp(s, "HTTP/1.", 7) != 0 || (s[7] != '0' && s[7] != '1') || s[8] != ' ')
        return HTTP_BROKEN;
    for (size_t i = 9; i < 12; i++)
        if (s[i] < '0' || s[i] > '9')
            return HTTP_BROKEN;
    if (s[9] == '0' || (s[12] != ' ' && s[12] != '\0'))
        return HTTP_BROKEN;
    r->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
    r->reusable = s[7] == '1';
    return HTTP_HEADERS;
}

/* Digits of a base to the end of the line or the `;` of a chunk's extension. */
static bool number(const char *s, unsigned base, uint64_t *ret) {
    uint64_t v = 0;
    size_t digits = 0;
    for (; *s && *s != ';' && *s != ' ' && *s != '\t'; s++, digits++) {
        unsigned d = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
                     : *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a') + 10
                     : *s >= 'A' && *s <= 'F' ? (unsigned)(*s - 'A') + 10
                                              : base;
        if (d >= base || v >> 58)
            return false;
        v = v * base + d;
    }
    *ret = v;
    return digits > 0;
}

static const char *header_value(const char *line, const char *name) {
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    return line + n + 1 + strspn(line + n + 1, " \t");
}

/* The line that ends the headers: what follows? */
static enum http_part body_of(struct http_response *r) {
    if (r->status / 100 == 1) { /* 100 Continue and the like: the response is still to come */
        size_t head = r->head_bytes;
        http_response_begin(r);
        r->head_bytes = head;
        return HTTP_STATUS_LINE;
    }
    if (r->status == 204 || r->status == 304)
        return HTTP_DONE;
    if (r->chunked)
        return HTTP_CHUNK_SIZE;
    if (r->has_length)
        return r->left ? HTTP_BODY : HTTP_DONE;
    r->reusable = false;
    return HTTP_UNTIL_CLOSE;
}

static enum http_part header(struct http_response *r) {
    const char *v;
    uint64_t length;
    if (!r->line_bytes)
        return body_of(r);
    if ((v = header_value(r->line, "content-length"))) {
        if (!number(v, 10, &length) || (r->has_length && length != r->left))
            return HTTP_BROKEN;
        r->has_length = true;
        r->left = length;
    } else if ((v = header_value(r->line, "transfer-encoding"))) {
        r->chunked = r->chunked || strcasestr(v, "chunked");
    } else if ((v = header_value(r->line, "connection"))) {
        if (strcasestr(v, "close"))
            r->reusable = false;
        else if (strcasestr(v, "keep-alive"))
            r->reusable = true;
    }
    return HTTP_HEADERS;
}

static enum http_part chunk_size(struct http_response *r) {
    if (!number(r->line, 16, &r->left))
        return HTTP_BROKEN;
    return r->left ? HTTP_CHUNK : HTTP_TRAILERS;
}

/* A whole line, without its end. */
static enum http_part take_line(struct http_response *r) {
    switch (r->part) {
    case HTTP_STATUS_LINE:
        return status_line(r);
    case HTTP_HEADERS:
        return header(r);
    case HTTP_CHUNK_SIZE:
        return chunk_size(r);
    case HTTP_CHUNK_END:
        return r->line_bytes ? HTTP_BROKEN : HTTP_CHUNK_SIZE;
    default:
        return r->line_bytes ? HTTP_TRAILERS : HTTP_DONE;
    }
}

static void feed_line(struct http_response *r, char c) {
    if (++r->head_bytes > LIMIT_HTTP_HEAD && r->part <= HTTP_HEADERS) {
        r->part = HTTP_BROKEN;
    } else if (c == '\n') {
        size_t n = r->line_bytes < sizeof r->line ? r->line_bytes : sizeof r->line - 1;
        if (n && r->line[n - 1] == '\r' && r->line_bytes == n)
            r->line_bytes = --n;
        r->line[n] = '\0';
        r->part = take_line(r);
        r->line_bytes = 0;
    } else {
        if (r->line_bytes < sizeof r->line - 1)
            r->line[r->line_bytes] = c;
        r->line_bytes++;
    }
}

size_t http_response_feed(struct http_response *r, const char *bytes, size_t n) {
    size_t at = 0;
    while (at < n && r->part < HTTP_DONE) {
        if (r->part == HTTP_UNTIL_CLOSE)
            return n;
        if (r->part != HTTP_BODY && r->part != HTTP_CHUNK) {
            feed_line(r, bytes[at++]);
            continue;
        }
        size_t some = r->left < n - at ? (size_t)r->left : n - at;
        at += some;
        r->left -= some;
        if (!r->left)
            r->part = r->part == HTTP_BODY ? HTTP_DONE : HTTP_CHUNK_END;
    }
    return at;
}

void http_response_close(struct http_response *r) {
    if (r->part != HTTP_DONE)
        r->part = r->part == HTTP_UNTIL_CLOSE ? HTTP_DONE : HTTP_BROKEN;
}
