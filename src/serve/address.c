#include "serve/address.h"

#include "base/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static bool parse_port(const char *s, uint16_t *ret) {
    size_t n = strspn(s, "0123456789");
    unsigned long port = strtoul(s, NULL, 10);
    if (!n || n > 5 || s[n] || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

static bool parse_host(const char *host, uint16_t port, struct serve_address *ret) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(&ret->at, &v4, ret->len = sizeof v4);
        ret->is_loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(&ret->at, &v6, ret->len = sizeof v6);
        ret->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
                           (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127);
        return true;
    }
    return false;
}

int serve_address_parse(const char *text, struct serve_address *ret, struct err *e) {
    struct serve_address a = {0};
    const char *colon = strrchr(text, ':');
    uint16_t port;
    if (!parse_port(colon ? colon + 1 : text, &port))
        return err_set(e, -EINVAL, "Give --listen 127.0.0.1:9464, or port 0 for one that is free.",
                       "--listen %s has no port.", text);
    cleanup_free char *host = mem_strndup(text, colon ? (size_t)(colon - text) : 0);
    size_t n = strlen(host);
    const char *plain = host;
    if (!colon || !strcmp(host, "localhost")) {
        plain = "127.0.0.1";
    } else if (!n) {
        plain = "::";
    } else if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        plain = host + 1;
    } else if (strchr(host, ':')) {
        plain = ""; /* is ::1 an address, or its last part a port? */
    }
    if (!parse_host(plain, port, &a))
        return err_set(e, -EINVAL, "Give --listen 127.0.0.1:9464 or --listen [::1]:9464.",
                       "--listen %s: %s is no IP address.", text, n ? host : text);
    *ret = a;
    return 0;
}

static int refuse(const struct serve_address *a, int error, struct err *e) {
    char host[SERVE_HOST_MAX];
    unsigned port = serve_address_port(a);
    serve_address_host(a, host);
    if (error == EADDRINUSE)
        return err_set(e, -error, "Port 0 in --listen takes one that is free.",
                       "Another program listens on port %u of %s.", port, host);
    if (error == EACCES)
        return err_set(e, -error, "Take a port above 1023.", "Port %u is for root only.", port);
    if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
        return err_set(e, -error, "`ip addr` shows the addresses there are.",
                       "This machine has no address %s.", host);
    return err_set(e, -error, NULL, "Cannot listen on port %u of %s: %s.", port, host,
                   strerror(error));
}

static bool listen_by(int fd, struct serve_address *a) {
    enum { BACKLOG = 64 };
    int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->at.ss_family == AF_INET6) /* "::" is IPv4's addresses too, whatever the system's habit */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (struct sockaddr *)&a->at, a->len) < 0 || listen(fd, BACKLOG) < 0)
        return false;
    a->len = sizeof a->at;
    return getsockname(fd, (struct sockaddr *)&a->at, &a->len) == 0;
}

int serve_address_listen(struct serve_address *a, int *ret_fd, struct err *e) {
    int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && listen_by(fd, a)) {
        *ret_fd = fd;
        return 0;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    return refuse(a, error, e);
}

uint16_t serve_address_port(const struct serve_address *a) {
    if (a->at.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&a->at)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)&a->at)->sin6_port);
}

void serve_address_host(const struct serve_address *a, char ret[SERVE_HOST_MAX]) {
    const void *bytes = a->at.ss_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)&a->at)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)&a->at)->sin6_addr;
    if (!inet_ntop(a->at.ss_family, bytes, ret, SERVE_HOST_MAX))
        *ret = '\0';
}
