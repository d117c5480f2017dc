/* Secrets in files: the token that clients show, the key of TLS. */
#ifndef MEMWHY_SERVE_SECRET_H
#define MEMWHY_SERVE_SECRET_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* The whole text of a small file; the caller frees it. `what` names it in errors ("token"). A
 * secret one must be this user's or root's, and of no use to anybody else: mode 0600 or less. */
int secret_file_read(const char *path, const char *what, bool is_secret, char **ret, struct err *e);

enum { TOKEN_MIN = 16, TOKEN_MAX = 512 };
struct token {
    char text[TOKEN_MAX]; /* what is behind its end is zero */
    size_t n;
};

/* The first and only line of a secret file. */
int token_read(const char *path, struct token *ret, struct err *e);
/* Does the value of an Authorization header show it? Takes as long whatever is wrong. NULL: there
 * is no such header. */
bool token_is_shown(const struct token *t, const char *authorization);

#endif
