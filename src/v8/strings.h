/* Strings of the heap, of every representation: sequential, cons, sliced, thin, external. */
#ifndef MEMWHY_V8_STRINGS_H
#define MEMWHY_V8_STRINGS_H

#include "v8/objects.h"

/* UTF-16 units, as V8 counts columns. */
struct v8_text {
    uint16_t *units;
    size_t n;
};

/* At most `max` units from the start. -EBADMSG when it is no string, or a broken one; -EFAULT;
 * -ENODATA: an external string whose characters only its owner can tell. */
int v8_string_read(struct v8_objects *o, uint64_t string, size_t max, struct v8_text *ret);
void v8_text_done(struct v8_text *t);

/* Its length in units; -1 when it is no string. */
int64_t v8_string_length(struct v8_objects *o, uint64_t string);
/* As UTF-8, of at most `max` units; lone surrogates and zeros become U+FFFD. NULL when it is no
 * string or cannot be read. The caller frees. */
char *v8_string_utf8(struct v8_objects *o, uint64_t string, size_t max);
/* The same of units [from, to), of which at most `max`, with "..." at the end when there are more;
 * NULL also when it is shorter. */
char *v8_string_part_utf8(struct v8_objects *o, uint64_t string, uint32_t from, uint32_t to,
                          size_t max);
/* Does it spell exactly this ASCII text? */
bool v8_string_is(struct v8_objects *o, uint64_t string, const char *text);

#endif
