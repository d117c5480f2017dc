/* A command: one file src/cmd/NAME.c that defines `const struct command cmd_NAME`. The build lists
 * the folder and makes the dispatch table, so adding a command touches one file.
 *
 * Recipe: fill in the descriptor, write run(). run() gets parsed options, prints its text to
 * run->out (or adds its fields to run->doc when run->json) and returns 0, a positive exit code
 * (1 findings, 4 partial result) or a negative errno with run->err filled. The dispatcher does
 * --help, --json, -o, the document's common fields, errors, exit codes, the number of arguments (by
 * `args`), and checks that the output was written.
 * A file of src/cmd/ that defines no `const struct command` is a helper. */
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

/* Under which heading `memwhy --help` lists a command. */
enum command_group {
    GROUP_ACCOUNT, /* where the memory is */
    GROUP_HEAP,    /* the JavaScript heap */
    GROUP_NATIVE,  /* malloc and what native code holds */
    GROUP_OVER_TIME,
    GROUP_REMEDY,
    GROUP_EVIDENCE, /* keep it, and what is known of the target */
    GROUP_COUNT,
};

struct command {
    const char *name;
    /* "TARGET", "A B", "[PID...]": words in brackets may be left out, "..." allows more. */
    const char *args;
    enum command_group group;
    const char *summary; /* one line, for `memwhy --help` */
    const char *help;    /* paragraphs with an example and how to read its output */
    const struct opt *opts;
    bool hidden;
    int (*run)(struct run *r);
};

/* All of them, ended by NULL; made by the build. */
extern const struct command *const commands[];
/* By name; NULL if there is none. */
const struct command *command_find(const char *name);
/* The one whose name `word` may be a misspelling of, or NULL. */
const struct command *command_resembling(const char *word);

/* Options every command has: --json, --output, --help. A command whose own table has one of these
 * names means something else by it and gets it itself (capture's -o). */
extern const struct opt command_common_opts[];
/* Its own table has it. */
bool command_has_opt(const struct command *c, const char *name);
/* Those of the common ones that `c` does not have itself, ended by {0}; the caller frees the table.
 */
struct opt *command_inherited_opts(const struct command *c);

/* The overview of `memwhy --help`, and the help of one command. */
void help_overview(FILE *out);
void help_command(const struct command *c, FILE *out);

#endif
