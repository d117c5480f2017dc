/* Text from a target is hostile: it may hold invalid UTF-8 and terminal escapes. And the small
 * question every command line asks: which word did the user mean? */
#ifndef MEMWHY_BASE_TEXT_H
#define MEMWHY_BASE_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A copy (the caller frees it) with every byte that is not UTF-8 replaced by U+FFFD. */
char *text_clean(const char *s);
/* The same as a JSON string; json_string() alone returns NULL on what is not UTF-8. */
json_t *text_json(const char *s);
/* A copy fit for a terminal: text_clean, and control characters as '?'. */
char *text_printable(const char *s);
/* Columns a printable text takes: its code points. */
size_t text_width(const char *s);
/* The length in bytes of the first `columns` code points. */
size_t text_prefix_bytes(const char *s, size_t columns);

/* Writes a code point, up to 4 bytes; returns what is behind it. */
char *text_put_utf8(char *to, uint32_t c);

/* May it stand after a dot in JavaScript (V8's String::IsIdentifier)? Every character beyond ASCII
 * counts as a letter. */
_Bool text_is_identifier(const char *s);

/* How many letters must be put in, taken out, replaced or swapped with their neighbour to make `a`
 * of `b`. Words over 32 letters are not compared: SIZE_MAX. */
size_t text_distance(const char *a, const char *b);
/* True when `word` may well be a misspelling of `name` (and is not `name` itself). */
_Bool text_resembles(const char *word, const char *name);

#endif
