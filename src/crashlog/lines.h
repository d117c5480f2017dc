/* The lines of a log as a stream, plain or packed: numbered, of bounded length, however large the
 * file. What a terminal would not show is gone: colours, carriage returns, and what
 * stands before zero bytes, which a text does not have. */
#ifndef MEMWHY_CRASHLOG_LINES_H
#define MEMWHY_CRASHLOG_LINES_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input;

struct lines {
    struct input *in;
    const char *at, *end; /* what is left of the piece */
    char *carry;          /* a line that did not end with its piece */
    size_t carried;
    char *clean;
    uint64_t number; /* of the line given last, from 1 */
    uint64_t bytes;  /* read so far */
    uint64_t cut;    /* lines longer than LIMIT_LOG_LINE, the rest of which was left out */
};

void lines_init(struct lines *l, struct input *in);
void lines_done(struct lines *l);
/* The next line as it is in the file, without its end; it stays until the next call. 1; 0 at the
 * end; negative errno as input_next(). */
int lines_next(struct lines *l, const char **ret, size_t *ret_n, struct err *e);
/* A copy of a line without what is not to be read; it stays until the next call. */
char *lines_clean(struct lines *l, const char *line, size_t n);

#endif
