/* The language of rule.h, read. */
#ifndef MEMWHY_WATCH_PARSE_H
#define MEMWHY_WATCH_PARSE_H

#include "base/err.h"
#include "watch/rule.h"

/* Adds the rules of a text to `ret`; `name` is what stands before line and column in an error.
 * -EINVAL with what was expected and what was meant, perhaps; `ret` is to be freed then too. */
int watch_rules_parse(const char *text, size_t n, const char *name, struct watch_rules *ret,
                      struct err *e);

#endif
