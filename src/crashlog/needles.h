/* Finding out, at some gigabytes a second, that a piece of log holds nothing of interest: whether
 * one of a fixed set of words occurs in it. (Wu and Manber's method: a table says for each pair of
 * bytes how far no word can end.) */
#ifndef MEMWHY_CRASHLOG_NEEDLES_H
#define MEMWHY_CRASHLOG_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct needles;

/* `words` of at least 4 bytes each, which must stay; ended by NULL. Never fails. */
struct needles *needles_new(const char *const *words);
void needles_free(struct needles *n);
/* Where the first word begins that ends soonest, or NULL. */
const char *needles_find(const struct needles *n, const char *at, const char *end);

#endif
