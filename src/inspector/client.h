/* One connection to a Node inspector, as DevTools speaks it: HTTP to ask who is there, a WebSocket
 * with JSON both ways (https://chromedevtools.github.io/devtools-protocol/). Knows nothing of how
 * the inspector came to listen. What comes over it is hostile: capped, parsed by jansson.
 *
 * Nothing waits longer than it is told to, and nobody waits once *stop is true. Errors beside those
 * of err.h: -ETIMEDOUT no answer in time, -ECONNREFUSED nobody listens, -EPROTO the other side is
 * no inspector, or it closed, or answered with an error; -ECANCELED: *stop. */
#ifndef MEMWHY_INSPECTOR_CLIENT_H
#define MEMWHY_INSPECTOR_CLIENT_H

#include "base/err.h"
#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

struct inspector_client;

struct inspector_address {
    char host[64]; /* "127.0.0.1", "::1" */
    uint16_t port;
};

/* Connect, in the network namespace of the process. */
int inspector_client_open(pid_t pid, const struct inspector_address *at, uint64_t timeout_ns,
                          const atomic_bool *stop, struct inspector_client **ret, struct err *e);

/* Send a request and wait for its answer. Takes over `params` (NULL: none). `ret` (NULL: not
 * wanted) is the answer's "result", the caller's to json_decref. */
int inspector_client_call(struct inspector_client *c, const char *method, json_t *params,
                          uint64_t timeout_ns, json_t **ret, struct err *e);

/* Send a request whose answer nobody waits for; when this returns 0 it is on its way. */
int inspector_client_tell(struct inspector_client *c, const char *method, json_t *params,
                          uint64_t timeout_ns);

/* From now on *stop is not looked at: for what undoes. */
void inspector_client_go_on(struct inspector_client *c);

/* Says goodbye, and waits for the other side to have taken it, for at most a second. NULL is fine.
 */
void inspector_client_close(struct inspector_client *c);

#endif
