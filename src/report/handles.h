/* libuv's handles and sockets as text and as JSON. */
#ifndef MEMWHY_REPORT_HANDLES_H
#define MEMWHY_REPORT_HANDLES_H

#include "model/uv_census.h"
#include <jansson.h>
#include <stdio.h>

struct report_handles {
    unsigned width;   /* columns; 0: never cut */
    bool internal;    /* also those that only libuv itself knows */
    const char *type; /* only this one; NULL: all */
    uint64_t most;    /* sockets at most; 0: all */
    pid_t pid;        /* the main thread's id; 0 unknown */
};

void report_handles_text(FILE *out, const struct uv_census *c, const struct report_handles *how);
/* Sets "loops", "types", "handles", "works". */
void report_handles_json(json_t *doc, const struct uv_census *c, const struct report_handles *how);

/* Most bytes queued first. */
void report_sockets_text(FILE *out, const struct uv_census *c, const struct report_handles *how);
/* Sets "sockets", "total". */
void report_sockets_json(json_t *doc, const struct uv_census *c, const struct report_handles *how);

#endif
