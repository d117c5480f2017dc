/* The account of a process, as `memwhy explain` prints it, made in the background: by a child, so
 * that the list goes on and a look can be given up at any time. */
#ifndef MEMWHY_CMD_TOP_ACCOUNT_H
#define MEMWHY_CMD_TOP_ACCOUNT_H

#include "base/vec.h"
#include "cmd/cmd.h"
#include "model/sample.h"

struct top_account {
    struct process_id id;
    pid_t child; /* 0: none is under way */
    int fd;      /* its text; -1: none is under way */
    VEC(char) text;
};

/* `r` has the options that a look needs; `width` is that of the text. */
int top_account_begin(struct top_account *a, struct run *r, const struct process_id *id,
                      unsigned width, struct err *e);
/* Takes what is there of its text; true when that was all. */
bool top_account_read(struct top_account *a);
/* Ends the look, if one is under way, and drops the text. */
void top_account_end(struct top_account *a);

#endif
