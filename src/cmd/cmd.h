/* A command: one file src/cmd/NAME.c that defines `const struct command cmd_NAME`. The build lists
 * the folder and makes the dispatch table, so adding a command touches one file.
 *
 * Recipe: fill in the descriptor, write run(). run() gets parsed options, prints its text to
 * run->out (or adds its fields to run->doc when run->json) and returns 0, a positive exit code
 * (1 findings, 4 partial result) or a negative errno with run->err filled. The dispatcher does
 * --help, --json, -o, the document's common fields, errors, exit codes, and checks that the output
 * was written. */
#ifndef MEMWHY_CMD_CMD_H
#define MEMWHY_CMD_CMD_H

#include "base/err.h"
#include "base/opt.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct run {
    const struct opt_values *opts;
    bool json;
    json_t *doc;    /* the document, when json: schema and command are there already */
    FILE *out;      /* text goes here, when not json */
    bool colour;    /* text may be coloured */
    bool unicode;   /* text may hold more than ASCII */
    unsigned width; /* columns of the terminal; 0 when not a terminal */
    bool progress;  /* stderr is a terminal: say what is going on after a second */
    struct err err;
};

struct command {
    const char *name;
    const char *args;    /* "TARGET", "A B", "[PID...]" */
    const char *summary; /* one line, for `memwhy --help` */
    const char *help;    /* paragraphs with an example and how to read its output */
    const struct opt *opts;
    bool hidden;
    int (*run)(struct run *r);
};

#endif
