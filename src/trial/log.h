/* What a program that is tried prints: a file that only we have, so that nothing is left when
 * memwhy is killed, or one that is to be kept. */
#ifndef MEMWHY_TRIAL_LOG_H
#define MEMWHY_TRIAL_LOG_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log {
    int fd;
    uint64_t seen; /* the file up to there was searched */
    bool dropped;  /* it does not hold all that was printed */
};

/* `path` NULL: a file without a name. */
int log_open(const char *path, struct log *ret, struct err *e);
void log_close(struct log *l);
/* Does what came since the last question hold `text`? Also where a write ended in its middle. */
bool log_says(struct log *l, const char *text);
/* Drops what it holds if that is over LIMIT_TRIAL_LOG. To be called now and then. */
void log_bound(struct log *l);
/* The last `max` bytes or less, from the beginning of a line; the caller frees it. */
char *log_tail(const struct log *l, size_t max);
/* The line of a tail that says why a program died: V8's or Node's own if there is one, else the
 * last that is not empty; "" when there is none. The caller frees it. */
char *log_reason(const char *tail);

#endif
