/* Numbers as JavaScript prints them. */
#ifndef MEMWHY_V8_NUMBERS_H
#define MEMWHY_V8_NUMBERS_H

#include "v8/objects.h"

/* "0.1", "1e+21", "-0", "NaN": Number.prototype.toString, but for the sign of zero, as consoles
 * show it. The caller frees, here and below. */
char *v8_number_text(double d);
/* "-123n"; very long ones in hexadecimal, and of one with over `max_words` words of 64 bits only
 * the highest and "...". NULL when it is no BigInt. */
char *v8_bigint_text(struct v8_objects *o, uint64_t bigint, size_t max_words);
/* A Smi or heap number; false when it is neither. */
bool v8_number(struct v8_objects *o, uint64_t value, double *ret);
/* Milliseconds since 1970 as Date.prototype.toISOString prints them; "Invalid Date". */
char *v8_date_text(double ms);

#endif
