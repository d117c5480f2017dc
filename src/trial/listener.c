#include "trial/listener.h"

#include "base/mem.h"
#include "kernel/descriptors.h"
#include "trial/tree.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool listener_parse(const char *text, struct load_target *ret) {
    const char *colon = strrchr(text, ':');
    bool six = text[0] == '[';
    unsigned port;
    if (!colon || sscanf(colon + 1, "%u", &port) != 1 || !port || port > 65535)
        return false;
    size_t n = (size_t)(colon - text);
    cleanup_free char *host = six && n > 2 ? mem_strndup(text + 1, n - 2) : mem_strndup(text, n);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(six ? AF_INET6 : AF_INET, host,
                  six ? (void *)&b.sin6_addr : (void *)&a.sin_addr) != 1)
        return false;
    if (six && IN6_IS_ADDR_UNSPECIFIED(&b.sin6_addr)) { /* Node's usual: takes IPv4 as well */
        b.sin6_addr = in6addr_loopback;
        snprintf(ret->url, sizeof ret->url, "http://localhost:%u", port);
    } else {
        if (a.sin_addr.s_addr == htonl(INADDR_ANY))
            a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        char shown[INET6_ADDRSTRLEN] = "";
        inet_ntop(six ? AF_INET6 : AF_INET, six ? (void *)&b.sin6_addr : (void *)&a.sin_addr, shown,
                  sizeof shown);
        snprintf(ret->url, sizeof ret->url, six ? "http://[%s]:%u" : "http://%s:%u", shown, port);
    }
    ret->address_len = six ? sizeof b : sizeof a;
    memcpy(&ret->address, six ? (void *)&b : (void *)&a, ret->address_len);
    ret->port = (uint16_t)port;
    ret->has_address = true;
    return true;
}

static bool listens(pid_t pid, uint16_t port, struct load_target *ret) {
    struct descriptor_list l;
    bool found = false;
    if (descriptors_read("", pid, &l) < 0)
        return false;
    for (size_t i = 0; i < l.list.n && !found; i++) {
        const struct descriptor *d = &l.list.at[i];
        struct load_target at = *ret;
        if (!d->kind || strncmp(d->kind, "tcp", 3) != 0 || !d->state || !d->local ||
            strcmp(d->state, "LISTEN") != 0 || !listener_parse(d->local, &at))
            continue;
        found = !port || at.port == port;
        if (found)
            *ret = at;
    }
    descriptors_done(&l);
    return found;
}

bool listener_find(pid_t pid, uint16_t port, bool whoever, struct load_target *ret) {
    struct pid_list below;
    if (listens(pid, port, ret))
        return true;
    if (tree_below(pid, &below) < 0)
        return false;
    bool found = false;
    for (size_t i = 0; i < below.list.n && !found; i++) {
        found = listens(below.list.at[i], port, ret);
        if (found && whoever)
            ret->pid = below.list.at[i];
    }
    vec_free(&below.list);
    return found;
}
