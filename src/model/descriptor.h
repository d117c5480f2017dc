/* The open files of a process as the kernel has them; of sockets also both ends and what is queued.
 * Plain data. */
#ifndef MEMWHY_MODEL_DESCRIPTOR_H
#define MEMWHY_MODEL_DESCRIPTOR_H

#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>

struct descriptor {
    int fd;
    char *target; /* as /proc/PID/fd says: "/dev/null", "socket:[1234]", "pipe:[77]" */
    const char
        *kind; /* "tcp", "tcp6", "udp", "udp6", "unix"; NULL: no socket, or of another kind */
    const char *state;  /* "ESTABLISHED", "LISTEN", ... NULL unknown */
    char *local, *peer; /* "127.0.0.1:80", "[::1]:80", a path; NULL: none, or unknown */
    bool has_queues;
    uint64_t send_queue, receive_queue; /* bytes; of TCP what the other end has not acknowledged */
};

struct descriptor_list {
    VEC(struct descriptor) list; /* by fd */
};

void descriptors_done(struct descriptor_list *l);
/* NULL: not open, or unknown. */
const struct descriptor *descriptor_find(const struct descriptor_list *l, int fd);

#endif
