/* One options table gives parsing, help, completion and the man page. Long options as --name,
 * --name=value or --name value; short ones as -x; "--" ends them. */
#ifndef MEMWHY_BASE_OPT_H
#define MEMWHY_BASE_OPT_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum opt_kind {
    OPT_FLAG,
    OPT_STRING,
    OPT_U64,
    OPT_BYTES /* 1M, 256k */,
    OPT_DURATION /* 30s, 500ms; in ns */
};

struct opt {
    const char *name; /* without dashes; NULL ends the table */
    char letter;      /* 0: none */
    enum opt_kind kind;
    const char *arg;  /* "SIZE" for help; NULL for flags */
    const char *help; /* one line */
};

struct opt_values;

/* Parse argv[1..]; what is no option is a positional argument. -EINVAL with the reason, naming the
 * nearest option when one is misspelt. */
int opt_parse(const struct opt *table, int argc, char **argv, struct opt_values **ret,
              struct err *e);
void opt_free(struct opt_values *v);

bool opt_flag(const struct opt_values *v, const char *name);
const char *opt_string(const struct opt_values *v, const char *name, const char *otherwise);
uint64_t opt_u64(const struct opt_values *v, const char *name, uint64_t otherwise);
/* The i-th option that was given, of all in their order; false past the last. For options that may
 * be given several times. */
bool opt_nth(const struct opt_values *v, size_t i, const char **ret_name, const char **ret_text);
/* What is no option, ended by NULL; gives how many. */
size_t opt_args(const struct opt_values *v, const char *const **ret);
/* How many of these stood before "--"; all, when there was none. */
size_t opt_args_before_dashes(const struct opt_values *v);

/* "1.5M", "512": what an OPT_BYTES takes. False when it is none. */
bool opt_parse_bytes(const char *s, uint64_t *ret);
/* "500ms", "30s": what an OPT_DURATION takes. False when it is none. */
bool opt_parse_duration(const char *s, uint64_t *ret_ns);

void opt_print_help(const struct opt *table, FILE *out);

#endif
