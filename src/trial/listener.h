/* Where a program that was started listens. */
#ifndef MEMWHY_TRIAL_LISTENER_H
#define MEMWHY_TRIAL_LISTENER_H

#include "trial/load.h"

/* A TCP socket that listens, of `pid`, or else of what descends from it: on `port`, or with 0 the
 * first it opened. Fills the address in `ret`, and with `whoever` the pid of who has it. */
bool listener_find(pid_t pid, uint16_t port, bool whoever, struct load_target *ret);

/* "0.0.0.0:80", "[::1]:80" as one connects to it from here: a wildcard is the loopback. */
bool listener_parse(const char *text, struct load_target *ret);

#endif
