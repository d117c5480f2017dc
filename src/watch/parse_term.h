/* Between parse.c and parse_term.c: the words of a rule, one after the other. Private to both. */
#ifndef MEMWHY_WATCH_PARSE_TERM_H
#define MEMWHY_WATCH_PARSE_TERM_H

#include "base/err.h"
#include "base/opt.h"
#include "watch/rule.h"
#include "watch/token.h"

struct parser {
    const struct token *at;
    const char *name;
    struct watch_rules *rules;
    struct watch_rule *rule; /* the one that is being read */
    struct err *e;
};

bool parser_is(const struct parser *p, const char *word);
/* And goes on, if so. */
bool parser_takes(struct parser *p, const char *word);
/* Both are -EINVAL: the sentence with the place of `t`, or "WHAT was expected here, not ...". */
int parser_wrong(struct parser *p, const struct token *t, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int parser_expected(struct parser *p, const char *what, const char *hint);
/* "Did you mean X?" or ""; names ends with NULL. */
const char *parser_guess(const char *word, const char *const *names, char ret[64]);
int parser_duration(struct parser *p, const char *after, uint64_t *ret_ns);
int parser_url(struct parser *p, char **ret);

/* One condition, added to the rule. */
int parse_term(struct parser *p);

#endif
