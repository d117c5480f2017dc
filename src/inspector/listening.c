#include "inspector/listening.h"

#include "kernel/descriptors.h"
#include "kernel/procfs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MAX (256ull << 20) /* 150 bytes a socket of the whole network namespace */

bool listening_address(const char *text, struct inspector_address *ret) {
    const char *colon = strrchr(text, ':');
    struct inspector_address a = {0};
    if (!colon)
        return false;
    size_t n = (size_t)(colon - text);
    if (text[0] == '[' && n > 2) {
        text++;
        n -= 2;
    }
    unsigned long port = strtoul(colon + 1, NULL, 10);
    if (!n || n >= sizeof a.host || !port || port > UINT16_MAX)
        return false;
    memcpy(a.host, text, n);
    /* All addresses: the nearest of them. */
    if (strcmp(a.host, "0.0.0.0") == 0)
        snprintf(a.host, sizeof a.host, "127.0.0.1");
    if (strcmp(a.host, "::") == 0)
        snprintf(a.host, sizeof a.host, "::1");
    a.port = (uint16_t)port;
    *ret = a;
    return true;
}

int listening_read(pid_t pid, struct listening_sockets *ret) {
    struct descriptor_list l = {0};
    int r = descriptors_read("", pid, &l);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l.list.n; i++) {
        const struct descriptor *d = &l.list.at[i];
        struct listening_socket s = {0};
        if (d->kind && strncmp(d->kind, "tcp", 3) == 0 && d->state &&
            strcmp(d->state, "LISTEN") == 0 && d->local && listening_address(d->local, &s.at) &&
            sscanf(d->target, "socket:[%" SCNu64 "]", &s.inode) == 1)
            vec_push(&ret->list, s);
    }
    descriptors_done(&l);
    return 0;
}

bool listening_has(const struct listening_sockets *l, uint64_t inode) {
    for (size_t i = 0; i < l->list.n; i++)
        if (l->list.at[i].inode == inode)
            return true;
    return false;
}

bool listening_on_port(pid_t pid, uint16_t port) {
    static const char *const tables[] = {"net/tcp", "net/tcp6"};
    enum { LISTEN = 10 }; /* include/net/tcp_states.h */
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char *text;
        size_t n;
        bool found = false;
        if (procfs_read("", pid, tables[i], TABLE_MAX, &text, &n) < 0)
            continue;
        for (const char *line = text; *line && !found; line += line[strcspn(line, "\n")] != 0) {
            unsigned at, state;
            if (sscanf(line, " %*[0-9]: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &at, &state) == 2)
                found = at == port && state == LISTEN;
            line += strcspn(line, "\n");
        }
        free(text);
        if (found)
            return true;
    }
    return false;
}
