#include "base/fields.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/text.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

struct any_vec {
    char *at;
    size_t n, cap;
};

static uint64_t number_at(const void *at, size_t size) {
    uint64_t v = 0;
    memcpy(&v, at, size); /* the low bytes come first on every machine memwhy runs on */
    return v;
}

static int64_t signed_at(const void *at, size_t size) {
    unsigned unused = 64 - 8 * (unsigned)size;
    return (int64_t)(number_at(at, size) << unused) >> unused;
}

static json_t *element_to_json(const struct field *f, const char *at) {
    return f->of ? fields_to_json(f->of, at) : json_integer((json_int_t)number_at(at, f->size));
}

static json_t *list_to_json(const struct field *f, const char *at, size_t n) {
    json_t *list = n ? json_array() : NULL;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, element_to_json(f, at + i * f->size));
    return list;
}

static json_t *words_to_json(const struct any_vec *v) {
    json_t *list = v->n ? json_array() : NULL;
    for (size_t i = 0; i < v->n; i++) {
        json_array_append_new(list, text_json(((char **)v->at)[i]));
    }
    return list;
}

/* NULL: it is what reading begins with. */
static json_t *field_to_json(const struct field *f, const char *at) {
    switch (f->kind) {
    case FIELD_UNSIGNED: {
        uint64_t v = number_at(at, f->size);
        return v ? json_integer((json_int_t)v) : NULL;
    }
    case FIELD_SIGNED: {
        int64_t v = signed_at(at, f->size);
        return v ? json_integer((json_int_t)v) : NULL;
    }
    case FIELD_REAL:
        return *(const double *)at != 0 ? json_real(*(const double *)at) : NULL;
    case FIELD_CHARS:
        return *at ? text_json(at) : NULL;
    case FIELD_OWNED:
    case FIELD_TEXT: {
        const char *s = *(const char *const *)at;
        return s ? text_json(s) : NULL;
    }
    case FIELD_STRUCT: {
        json_t *j = fields_to_json(f->of, at);
        if (json_object_size(j))
            return j;
        json_decref(j);
        return NULL;
    }
    case FIELD_ARRAY:
        return list_to_json(f, at, f->n);
    case FIELD_VEC:
        return list_to_json(f, ((const struct any_vec *)at)->at, ((const struct any_vec *)at)->n);
    case FIELD_WORDS:
        return words_to_json((const struct any_vec *)at);
    }
    return NULL;
}

json_t *fields_to_json(const struct field *fields, const void *from) {
    json_t *o = json_object();
    for (const struct field *f = fields; f->name; f++) {
        json_t *j = field_to_json(f, (const char *)from + f->offset);
        if (j)
            json_object_set_new(o, f->name, j);
    }
    return o;
}

/* --- and back --- */

static int number_of_json(const struct field *f, const json_t *j, char *to) {
    uint64_t v = (uint64_t)json_integer_value(j);
    if (!json_is_integer(j))
        return -EBADMSG;
    memcpy(to, &v, f->size);
    bool same = f->kind == FIELD_SIGNED ? signed_at(to, f->size) == (int64_t)v
                                        : number_at(to, f->size) == v;
    return same ? 0 : -EBADMSG;
}

static int element_of_json(const struct field *f, const json_t *j, char *to,
                           struct field_texts *texts) {
    return f->of ? fields_of_json(f->of, j, to, texts) : number_of_json(f, j, to);
}

static int list_of_json(const struct field *f, const json_t *j, char *to,
                        struct field_texts *texts) {
    struct any_vec *v = (struct any_vec *)to;
    size_t n = json_array_size(j);
    bool grows = f->kind != FIELD_ARRAY;
    if (!json_is_array(j) || n > (grows ? LIMIT_FIELD_LIST : f->n))
        return -EBADMSG;
    if (grows) {
        v->at = mem_zalloc((n ? n : 1) * f->size);
        v->cap = n ? n : 1;
    }
    for (size_t i = 0; i < n; i++) {
        if (grows)
            v->n = i + 1; /* so that whoever gives up frees as much as there is */
        int r = element_of_json(f, json_array_get(j, i), (grows ? v->at : to) + i * f->size, texts);
        if (r < 0)
            return r;
    }
    return 0;
}

static int words_of_json(const json_t *j, struct any_vec *v) {
    size_t n = json_array_size(j);
    if (!json_is_array(j) || n > LIMIT_FIELD_LIST)
        return -EBADMSG;
    v->at = mem_zalloc((n ? n : 1) * sizeof(char *));
    v->cap = n ? n : 1;
    for (size_t i = 0; i < n; i++) {
        const char *word = json_string_value(json_array_get(j, i));
        if (!word)
            return -EBADMSG;
        ((char **)v->at)[v->n++] = mem_strdup(word);
    }
    return 0;
}

static int text_of_json(const struct field *f, const json_t *j, char *to,
                        struct field_texts *texts) {
    const char *s = json_string_value(j);
    if (!s)
        return -EBADMSG;
    if (f->kind == FIELD_CHARS) {
        size_t n = strlen(s); /* what was no UTF-8 has grown */
        memcpy(to, s, n < f->size ? n : f->size - 1);
        return 0;
    }
    char *copy = mem_strdup(s);
    memcpy(to, &copy, sizeof copy);
    if (f->kind == FIELD_TEXT)
        vec_push(&texts->list, copy);
    return 0;
}

static int field_of_json(const struct field *f, const json_t *j, char *to,
                         struct field_texts *texts) {
    switch (f->kind) {
    case FIELD_UNSIGNED:
    case FIELD_SIGNED:
        return number_of_json(f, j, to);
    case FIELD_REAL: {
        double v = json_number_value(j);
        memcpy(to, &v, sizeof v);
        return json_is_number(j) ? 0 : -EBADMSG;
    }
    case FIELD_CHARS:
    case FIELD_OWNED:
    case FIELD_TEXT:
        return text_of_json(f, j, to, texts);
    case FIELD_STRUCT:
        return fields_of_json(f->of, j, to, texts);
    case FIELD_ARRAY:
    case FIELD_VEC:
        return list_of_json(f, j, to, texts);
    case FIELD_WORDS:
        return words_of_json(j, (struct any_vec *)to);
    }
    return -EBADMSG;
}

int fields_of_json(const struct field *fields, const json_t *j, void *to,
                   struct field_texts *texts) {
    if (!json_is_object(j))
        return -EBADMSG;
    for (const struct field *f = fields; f->name; f++) {
        const json_t *value = json_object_get(j, f->name);
        int r = value ? field_of_json(f, value, (char *)to + f->offset, texts) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

void field_texts_done(struct field_texts *t) {
    for (size_t i = 0; i < t->list.n; i++)
        free(t->list.at[i]);
    vec_free(&t->list);
}
