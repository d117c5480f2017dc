#include "model/flags.h"

#include <stdlib.h>
#include <string.h>

void flags_done(struct flag_list *l) {
    for (size_t i = 0; i < l->list.n; i++) {
        free(l->list.at[i].name);
        free(l->list.at[i].value);
        free(l->list.at[i].otherwise);
    }
    vec_free(&l->list);
    for (size_t i = 0; i < l->options.n; i++)
        free(l->options.at[i]);
    vec_free(&l->options);
}

static char dashed(char c) {
    return c == '_' ? '-' : c;
}

/* `name` is all of the n characters at `word`. */
static bool same_name(const char *name, const char *word, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!name[i] || dashed(name[i]) != dashed(word[i]))
            return false;
    return name[n] == '\0';
}

static const struct flag *find(const struct flag_list *l, const char *word, size_t n) {
    for (size_t i = 0; i < l->list.n; i++)
        if (same_name(l->list.at[i].name, word, n))
            return &l->list.at[i];
    return NULL;
}

const struct flag *flags_find(const struct flag_list *l, const char *word) {
    if (strncmp(word, "--", 2) == 0)
        word += 2;
    size_t n = strcspn(word, "=");
    const struct flag *f = find(l, word, n);
    if (!f && n > 3 && word[0] == 'n' && word[1] == 'o' && dashed(word[2]) == '-')
        f = find(l, word + 3, n - 3);
    return f;
}

bool flags_exist(const struct flag_list *l, const char *word) {
    if (flags_find(l, word))
        return true;
    bool negated = strncmp(word, "--no-", 5) == 0;
    size_t n = strcspn(word, "=");
    for (size_t i = 0; i < l->options.n; i++)
        if (same_name(l->options.at[i], word, n) ||
            (negated && n > 5 && same_name(l->options.at[i] + 2, word + 5, n - 5)))
            return true;
    return false;
}

bool flag_is_default(const struct flag *f) {
    return f->value && f->otherwise && strcmp(f->value, f->otherwise) == 0;
}

const char *flag_kind_name(enum flag_kind k) {
    static const char *const names[] = {
        [FLAG_BOOL] = "bool",     [FLAG_MAYBE_BOOL] = "maybe_bool", [FLAG_INT] = "int",
        [FLAG_UINT] = "uint",     [FLAG_UINT64] = "uint64",         [FLAG_FLOAT] = "float",
        [FLAG_SIZE_T] = "size_t", [FLAG_STRING] = "string",
    };
    return names[k];
}
