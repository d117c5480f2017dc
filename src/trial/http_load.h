/* The built-in load: GET requests over HTTP/1.1 connections that are kept, either as fast as so
 * many connections go, or at a fixed rate. At a fixed rate a latency counts from when the request
 * was due, so that a server that stands still for a second is seen as all who would have come in
 * that second see it. */
#ifndef MEMWHY_TRIAL_HTTP_LOAD_H
#define MEMWHY_TRIAL_HTTP_LOAD_H

#include "trial/latency.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct http_load_how {
    struct sockaddr_storage address;
    socklen_t address_len;
    const char *host; /* for the Host header */
    const char *path; /* "/x?y" */
    uint32_t connections;
    uint64_t per_second; /* 0: as fast as it goes */
    uint64_t for_ns;
    uint64_t requests;   /* at most; 0: no bound but the time */
    uint64_t timeout_ns; /* of one request */
    /* Asked some ten times a second; true ends the load. */
    bool (*enough)(void *arg);
    void *arg;
};

enum http_failure {
    HTTP_NOT_CONNECTED, /* refused, or no answer to the attempt */
    HTTP_CUT_OFF,       /* closed before the response was whole */
    HTTP_NOT_HTTP,
    HTTP_TIMED_OUT,
    HTTP_BAD_STATUS, /* 400 and above */
    HTTP_FAILURES
};

struct http_load_result {
    uint64_t requests; /* answered, with whatever status */
    uint64_t failures[HTTP_FAILURES];
    uint64_t bytes;
    uint64_t took_ns; /* to the last answer */
    uint64_t late;    /* at a fixed rate: due and never sent */
    struct latency latency;
};

const char *http_failure_name(enum http_failure f); /* "not_connected" */

/* Until it is over. -errno only where the load could not begin; that a server answers nothing is a
 * result. */
int http_load(const struct http_load_how *how, struct http_load_result *ret);

#endif
