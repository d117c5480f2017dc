#include "watch/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_port(const char *s, size_t n, struct watch_url *ret) {
    unsigned long port = 0;
    if (!n || n > 5 || strspn(s, "0123456789") < n)
        return false;
    port = strtoul(s, NULL, 10);
    snprintf(ret->port, sizeof ret->port, "%lu", port);
    return port > 0 && port <= UINT16_MAX;
}

const char *watch_url_parse(const char *text, struct watch_url *ret) {
    struct watch_url u = {.port = "80"};
    if (strncmp(text, "https://", 8) == 0)
        return "https is not spoken here: `run \"curl ...\"` can, with $MEMWHY_EVENT";
    if (strncmp(text, "http://", 7) != 0)
        return "a URL begins with http://";
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c == 127 || *c == '#')
            return "a URL has no blanks, no # and only ASCII; write them as %20 and the like";
    const char *at = text + 7;
    size_t n = strcspn(at, "/?");
    u.path = at + n;
    if (!n || n >= sizeof u.authority || memchr(at, '@', n))
        return "a URL names a host: http://127.0.0.1:3000/";
    snprintf(u.authority, sizeof u.authority, "%.*s", (int)n, at);
    const char *host = at, *end = at + n, *rest;
    if (*host == '[') {
        const char *close = memchr(at, ']', n);
        if (!close)
            return "an IPv6 address ends with ]";
        host++;
        rest = close + 1;
        end = close;
    } else {
        rest = memchr(at, ':', n);
        end = rest = rest ? rest : end;
    }
    size_t len = (size_t)(end - host), left = (size_t)(at + n - rest);
    if (!len || len >= sizeof u.host)
        return "a URL names a host: http://127.0.0.1:3000/";
    if (left && (*rest != ':' || !has_port(rest + 1, left - 1, &u)))
        return "a port is a number from 1 to 65535";
    memcpy(u.host, host, len);
    u.host[len] = '\0';
    *ret = u;
    return NULL;
}
