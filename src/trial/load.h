/* The load of one run: a command, the built-in one, or none but what the program does by itself. */
#ifndef MEMWHY_TRIAL_LOAD_H
#define MEMWHY_TRIAL_LOAD_H

#include "base/err.h"
#include "trial/http_load.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct load_how {
    const char *command; /* for sh -c; NULL: none */
    const char *path;    /* the built-in one asks for it; NULL: none */
    uint32_t connections;
    uint64_t per_second, for_ns, requests;
    uint64_t limit_ns; /* of a command */
};

struct load_target {
    pid_t pid;
    bool has_address;
    struct sockaddr_storage address; /* where it listens */
    socklen_t address_len;
    char url[96]; /* "http://127.0.0.1:3000" */
    uint16_t port;
};

struct load_result {
    char *failure; /* a sentence: why what follows is no measure; NULL: it is */
    uint64_t took_ns;
    bool has_http; /* the built-in one */
    struct http_load_result http;
    bool has_rate; /* a command that says it as wrk and ab do */
    double per_second;
};

/* `enough` as in struct http_load_how. */
void load_run(const struct load_how *how, const struct load_target *at, bool (*enough)(void *arg),
              void *arg, struct load_result *ret);
void load_result_done(struct load_result *r);

/* Requests a second as wrk ("Requests/sec: 123.4"), ab ("Requests per second: 123.4") and scripts
 * that do alike print it. */
bool load_rate_of(const char *output, double *ret);

#endif
