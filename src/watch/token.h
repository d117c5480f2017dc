/* A file of rules as words. */
#ifndef MEMWHY_WATCH_TOKEN_H
#define MEMWHY_WATCH_TOKEN_H

#include "base/err.h"
#include "base/vec.h"
#include <stdbool.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* also numbers with their units, and URLs */
    TOKEN_STRING, /* within quotes; \" and \\ stand for " and \ */
    TOKEN_COMPARE,
    TOKEN_COMMA,
    TOKEN_OPEN,
    TOKEN_CLOSE
};

struct token {
    enum token_kind kind;
    char *text;            /* of a string without the quotes */
    unsigned line, column; /* from 1; characters, not bytes */
};

struct token_list {
    VEC(struct token) list; /* ends with a TOKEN_END */
};

/* `name` stands before the line in what is wrong. -EINVAL, and nothing to be freed, when it is. */
int tokens_read(const char *text, size_t n, const char *name, struct token_list *ret,
                struct err *e);
void tokens_done(struct token_list *l);

#endif
