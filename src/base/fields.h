/* Structs of plain data as JSON and back, by tables of their fields: a field is named once, and
 * what writes and what reads cannot disagree. Zeros, false, NULL and empty lists are left out; what
 * is not there is read as them. */
#ifndef MEMWHY_BASE_FIELDS_H
#define MEMWHY_BASE_FIELDS_H

#include "base/vec.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum field_kind {
    FIELD_UNSIGNED = 1, /* of `size` bytes; bool, too */
    FIELD_SIGNED,
    FIELD_REAL,
    FIELD_CHARS,  /* char[size], ended by NUL */
    FIELD_OWNED,  /* char *, freed with its struct */
    FIELD_TEXT,   /* const char *, of somebody else */
    FIELD_STRUCT, /* `of` */
    FIELD_ARRAY,  /* [n] of `of`, or of unsigned numbers when that is NULL; `size` is of one */
    FIELD_VEC,    /* the same, a VEC, or another struct that begins {at, n, cap} */
    FIELD_WORDS,  /* VEC(char *) */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset, size, n;
    const struct field *of; /* ended by {0} */
};

#define FIELD_MEMBER_(T, m) (((T *)0)->m)
/* A number, whatever its type. */
#define FIELD(T, m)                                                                                \
    {                                                                                              \
        .name = #m,                                                                                \
        .kind = _Generic(FIELD_MEMBER_(T, m), double                                               \
                         : FIELD_REAL, int                                                         \
                         : FIELD_SIGNED, short                                                     \
                         : FIELD_SIGNED, default                                                   \
                         : FIELD_UNSIGNED),                                                        \
        .offset = offsetof(T, m), .size = sizeof FIELD_MEMBER_(T, m)                               \
    }
/* Of the kind said: FIELD_CHARS, FIELD_OWNED, FIELD_TEXT, FIELD_WORDS. */
#define FIELD_AS(T, m, as)                                                                         \
    { .name = #m, .kind = (as), .offset = offsetof(T, m), .size = sizeof FIELD_MEMBER_(T, m) }
#define FIELD_IN(T, m, fields)                                                                     \
    { .name = #m, .kind = FIELD_STRUCT, .offset = offsetof(T, m), .of = (fields) }
#define FIELD_EACH(T, m, fields)                                                                   \
    {                                                                                              \
        .name = #m, .kind = FIELD_ARRAY, .offset = offsetof(T, m),                                 \
        .size = sizeof FIELD_MEMBER_(T, m)[0],                                                     \
        .n = sizeof FIELD_MEMBER_(T, m) / sizeof FIELD_MEMBER_(T, m)[0], .of = (fields)            \
    }
#define FIELD_LIST(T, m, fields)                                                                   \
    {                                                                                              \
        .name = #m, .kind = FIELD_VEC, .offset = offsetof(T, m),                                   \
        .size = sizeof FIELD_MEMBER_(T, m).at[0], .of = (fields)                                   \
    }

json_t *fields_to_json(const struct field *fields, const void *from);

/* Who frees what FIELD_TEXT points to. */
struct field_texts {
    VEC(char *) list;
};

/* Fill in `to`, which is all zeros. -EBADMSG: a value is of another type, does not fit, or a list
 * is longer than its array; what was read until then is in `to`, to be freed as always. Names it
 * does not know are passed over. */
int fields_of_json(const struct field *fields, const json_t *j, void *to,
                   struct field_texts *texts);
void field_texts_done(struct field_texts *t);

#endif
