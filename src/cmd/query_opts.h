/* The options by which a command is told which objects it is about: collect/query.h. */
#ifndef MEMWHY_CMD_QUERY_OPTS_H
#define MEMWHY_CMD_QUERY_OPTS_H

#include "cmd/cmd.h"
#include "collect/query.h"

/* clang-format off */
/* Rows for the command's table. */
#define QUERY_OPTS                                                                                 \
    {"class", 'c', OPT_STRING, "NAME", "of this class; * stands for any text"},                    \
    {"shape", 0, OPT_STRING, "ADDR", "with this map (V8's hidden class)"},                         \
    {"script", 0, OPT_STRING, "TEXT", "whose constructor stands in a script with TEXT in its name"},\
    {"retained-by", 0, OPT_STRING, "ADDR", "that only this object keeps alive"},                   \
    {"where", 'w', OPT_STRING, "WHAT", "by size, retained, off-heap or length: 'size>1M'"},        \
    {"live", 0, OPT_FLAG, NULL, "what a collection would leave"},                                  \
    {"garbage", 0, OPT_FLAG, NULL, "what a collection would free"},                                \
    {"all", 0, OPT_FLAG, NULL, "both"}
/* A paragraph for its help. */
#define QUERY_HELP                                                                                 \
    "Which objects: all that is given must hold. --class takes a class's whole name, or a\n"       \
    "pattern such as 'Session*'. --where compares bytes of the object alone (size), of all that\n" \
    "would go with it (retained), of what it holds outside the heap (off-heap), or the length\n"   \
    "of strings and arrays and the entries of Maps and Sets (length): 'size>=4k,length>100'.\n"    \
    "--script goes by where an object's constructor is written, or a function itself.\n"           \
    "--retained-by ADDR: what ADDR dominates.\n"
/* clang-format on */

/* What they say; `which` where none of --live, --garbage, --all is given. The query borrows the
 * options' texts. -EINVAL with r->err filled. */
int query_from_opts(struct run *r, enum query_which which, struct query *ret);
/* An address as it is printed, with or without 0x, tagged or not. -EINVAL with r->err filled. */
int query_addr(struct run *r, const char *text, uint64_t *ret);

#endif
