#include "watch/token.h"

#include "base/limits.h"
#include <errno.h>
#include <string.h>

struct reader {
    const char *at, *end;
    unsigned line, column;
};

static void step(struct reader *r) {
    if (*r->at == '\n') {
        r->line++;
        r->column = 1;
    } else if (((unsigned char)*r->at & 0xc0) != 0x80) {
        r->column++;
    }
    r->at++;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct reader *r) {
    while (r->at < r->end && (is_blank(*r->at) || *r->at == '#')) {
        bool comment = *r->at == '#';
        while (comment && r->at < r->end && *r->at != '\n')
            step(r);
        if (r->at < r->end)
            step(r);
    }
}

/* -EINVAL: it has no end on its line. */
static int read_string(struct reader *r, char **ret) {
    VEC(char) text = {0};
    step(r);
    while (r->at < r->end && *r->at != '"' && *r->at != '\n') {
        if (*r->at == '\\' && r->at + 1 < r->end && (r->at[1] == '"' || r->at[1] == '\\'))
            step(r);
        vec_push(&text, *r->at);
        step(r);
    }
    if (r->at == r->end || *r->at != '"') {
        vec_free(&text);
        return -EINVAL;
    }
    step(r);
    vec_push(&text, '\0');
    *ret = text.at;
    return 0;
}

static bool begins_with(const struct reader *r, const char *with) {
    size_t n = strlen(with);
    return (size_t)(r->end - r->at) >= n && memcmp(r->at, with, n) == 0;
}

/* A URL goes to the next blank, without the comma that separates it from the next action. */
static char *read_word(struct reader *r) {
    const char *begin = r->at;
    bool url = begins_with(r, "http://") || begins_with(r, "https://");
    while (r->at < r->end && !is_blank(*r->at)) {
        bool last = r->at + 1 == r->end || is_blank(r->at[1]);
        if (url ? *r->at == ',' && last : strchr(",()<>\"#", *r->at) != NULL)
            break;
        step(r);
    }
    return mem_strndup(begin, (size_t)(r->at - begin));
}

static int read_token(struct reader *r, struct token *t) {
    static const struct {
        char letter;
        enum token_kind kind;
    } singles[] = {{',', TOKEN_COMMA}, {'(', TOKEN_OPEN}, {')', TOKEN_CLOSE}};
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        if (*r->at == singles[i].letter) {
            t->kind = singles[i].kind;
            t->text = mem_strndup(r->at, 1);
            step(r);
            return 0;
        }
    if (*r->at == '<' || *r->at == '>') {
        size_t n = r->at + 1 < r->end && r->at[1] == '=' ? 2 : 1;
        t->kind = TOKEN_COMPARE;
        t->text = mem_strndup(r->at, n);
        while (n--)
            step(r);
        return 0;
    }
    if (*r->at == '"') {
        t->kind = TOKEN_STRING;
        return read_string(r, &t->text);
    }
    t->kind = TOKEN_WORD;
    t->text = read_word(r);
    return 0;
}

int tokens_read(const char *text, size_t n, const char *name, struct token_list *ret,
                struct err *e) {
    struct reader r = {text, text + n, 1, 1};
    struct token_list l = {0};
    if (n > LIMIT_RULES_BYTES)
        return err_set(e, -EINVAL, "", "%s: a file of rules has at most 1 MiB", name);
    if (memchr(text, '\0', n))
        return err_set(e, -EINVAL, "", "%s: this is no text: it has NUL bytes", name);
    for (;;) {
        skip_blanks(&r);
        struct token t = {.kind = TOKEN_END, .line = r.line, .column = r.column};
        if (r.at < r.end && read_token(&r, &t) < 0) {
            tokens_done(&l);
            return err_set(e, -EINVAL, "Within quotes \\\" stands for a quote.",
                           "%s:%u:%u: this string has no end on its line", name, t.line, t.column);
        }
        vec_push(&l.list, t);
        if (t.kind == TOKEN_END)
            break;
    }
    *ret = l;
    return 0;
}

void tokens_done(struct token_list *l) {
    for (size_t i = 0; i < l->list.n; i++)
        free(l->list.at[i].text);
    vec_free(&l->list);
}
