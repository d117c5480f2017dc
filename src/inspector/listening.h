/* What listens, for the inspector's sake: sockets of a process, and ports of its network. */
#ifndef MEMWHY_INSPECTOR_LISTENING_H
#define MEMWHY_INSPECTOR_LISTENING_H

#include "base/vec.h"
#include "inspector/client.h"
#include <stdbool.h>

struct listening_socket {
    uint64_t inode;
    struct inspector_address at;
};

struct listening_sockets {
    VEC(struct listening_socket) list;
};

/* "127.0.0.1:9229", "[::1]:80". */
bool listening_address(const char *text, struct inspector_address *ret);

/* The TCP sockets of the process that listen. The caller frees the list. */
int listening_read(pid_t pid, struct listening_sockets *ret);
bool listening_has(const struct listening_sockets *l, uint64_t inode);
/* Somebody in the network namespace of the process listens on this port. */
bool listening_on_port(pid_t pid, uint16_t port);

#endif
