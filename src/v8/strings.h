/* Strings of the heap, of every representation: sequential, cons, sliced, thin, external. */
#ifndef MEMWHY_V8_STRINGS_H
#define MEMWHY_V8_STRINGS_H

#include "v8/objects.h"

/* How its characters are kept: the low bits of a string's instance type (src/objects/
 * instance-type.h, 7.0 to 14.6). */
enum v8_string_form {
    STRING_SEQUENTIAL, /* behind its header */
    STRING_CONS,       /* in two others */
    STRING_SLICED,     /* in another */
    STRING_EXTERNAL,   /* outside the heap */
    STRING_THIN,       /* in another, the only one of its content */
    STRING_FORMS
};

/* STRING_FORMS: none of them, or no string's type. */
enum v8_string_form v8_string_form(const struct v8_layout *l, int type);
/* Bytes of a character of a string of this type. */
unsigned v8_string_width(const struct v8_layout *l, int type);

enum {
    V8_STRING_LENGTH = 12, /* where its length stands, 32 bits */
    V8_STRING_HEADER = 16, /* characters of a sequential one begin here */
    V8_STRING_PARENT = 16, /* of a sliced one */
    V8_STRING_DATA = 24,   /* of an external one: where its characters are */
};

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
