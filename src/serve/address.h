/* The address to listen on. */
#ifndef MEMWHY_SERVE_ADDRESS_H
#define MEMWHY_SERVE_ADDRESS_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct serve_address {
    struct sockaddr_storage at;
    socklen_t len;
    bool is_loopback; /* only this machine can reach it */
};

/* "127.0.0.1:9464", "[::1]:9464", "localhost:9464", "9464" (loopback), ":9464" (all). Names are not
 * looked up. -EINVAL with the reason. */
int serve_address_parse(const char *text, struct serve_address *ret, struct err *e);

/* A socket that listens there; `a` then has the port that was chosen, if 0 was asked for. */
int serve_address_listen(struct serve_address *a, int *ret_fd, struct err *e);

uint16_t serve_address_port(const struct serve_address *a);
/* "127.0.0.1", "::1"; of at most SERVE_HOST_MAX bytes, its NUL included. */
enum { SERVE_HOST_MAX = 64 };
void serve_address_host(const struct serve_address *a, char ret[SERVE_HOST_MAX]);

#endif
