#include "heapfile/scan.h"

#include <errno.h>

void scan_init(struct scan *s, struct input *in, struct err *e) {
    *s = (struct scan){.in = in, .p = "", .e = e};
    s->end = s->p;
}

int scan_refuse(struct scan *s, const char *what) {
    unsigned long long at = scan_offset(s);
    if (s->p == s->end && s->at_end)
        return err_set(s->e, -EBADMSG, "Is the copy complete?",
                       "this is no whole heap snapshot: it ends at byte %llu%s%s", at,
                       s->where ? " in the middle of " : "", s->where ? s->where : "");
    return err_set(s->e, -EBADMSG, "", "this is no heap snapshot: %s at byte %llu%s%s", what, at,
                   s->where ? ", in " : "", s->where ? s->where : "");
}

/* At least one byte in hand, unless the file is at its end. */
static inline int have_some(struct scan *s) {
    size_t n = 1;
    if (s->p < s->end || s->at_end)
        return 0;
    const char *piece;
    int r = input_next(s->in, &piece, &n, s->e);
    if (r < 0)
        return r;
    s->at_end = n == 0;
    if (n) {
        s->p = piece;
        s->end = piece + n;
        s->end_offset += n;
    }
    return 0;
}

static inline bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int scan_peek(struct scan *s) {
    for (;; s->p++) {
        int r = s->p == s->end ? have_some(s) : 0;
        if (r < 0)
            return r;
        if (s->p == s->end)
            return 0;
        if (!is_space(*s->p))
            return (unsigned char)*s->p;
    }
}

int scan_expect(struct scan *s, char c) {
    int got = scan_peek(s);
    if (got < 0)
        return got;
    if (s->p == s->end || got != (unsigned char)c) {
        char what[] = "'.' is missing";
        what[1] = c;
        return scan_refuse(s, what);
    }
    s->p++;
    return 0;
}

int scan_more(struct scan *s, bool first, char close, bool *ret_more) {
    int got = scan_peek(s);
    if (got < 0)
        return got;
    if (got == close) {
        s->p++;
        *ret_more = false;
        return 0;
    }
    *ret_more = true;
    return first ? 0 : scan_expect(s, ',');
}

int scan_number_slow(struct scan *s, uint64_t *ret) {
    int c = scan_peek(s), r = 0;
    if (c == ',') {
        s->p++;
        c = scan_peek(s);
    }
    if (c < 0)
        return c;
    uint64_t v = 0;
    int digits = 0;
    for (; (r = have_some(s)) == 0 && s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        if (++digits > SCAN_DIGITS || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s->p - '0'), &v))
            return scan_refuse(s, "a number is over 2^64");
    }
    if (r < 0)
        return r;
    if (!digits)
        return scan_refuse(s, "something is no number");
    *ret = v;
    return 0;
}

int scan_string(struct scan *s, void (*take)(void *ctx, const char *text, size_t n), void *ctx) {
    int r = scan_expect(s, '"');
    for (bool escaped = false; r == 0; r = have_some(s)) {
        const char *from = s->p, *p = from;
        for (; p < s->end && (escaped || *p != '"'); p++)
            escaped = !escaped && *p == '\\';
        s->p = p;
        if (take && p > from)
            take(ctx, from, (size_t)(p - from));
        if (p < s->end) {
            s->p++;
            return 0;
        }
        if (s->at_end)
            return scan_refuse(s, "a string has no end");
    }
    return r;
}

struct key {
    char *to;
    size_t n, most;
};

static void take_key(void *ctx, const char *text, size_t n) {
    struct key *k = ctx;
    if (k->n + n < k->most)
        memcpy(k->to + k->n, text, n);
    k->n += n;
}

int scan_key(struct scan *s, char *ret, size_t n) {
    struct key k = {ret, 0, n};
    int r = scan_string(s, take_key, &k);
    ret[k.n < n ? k.n : 0] = '\0';
    return r;
}

/* To the end of what is in brackets, or of a word or number; brackets of both kinds count alike, as
 * nothing is read of it. `keep`: if not NULL, it is kept, `most` bytes of it. */
struct text {
    VEC(char) v;
    size_t most;
    bool keeps, too_long;
};

static void take_text(void *ctx, const char *text, size_t n) {
    struct text *t = ctx;
    if (!t->keeps || (t->too_long = t->too_long || n > t->most - t->v.n))
        return;
    vec_reserve(&t->v, t->v.n + n + 1);
    memcpy(t->v.at + t->v.n, text, n);
    t->v.n += n;
}

static int pass_string(struct scan *s, struct text *t) {
    take_text(t, "\"", 1);
    int r = scan_string(s, take_text, t);
    take_text(t, "\"", 1);
    return r;
}

static int pass_value(struct scan *s, struct text *t) {
    uint64_t depth = 0;
    for (;;) {
        int c = scan_peek(s), r = 0;
        if (c < 0)
            return c;
        if (s->p == s->end)
            return scan_refuse(s, "a value is missing");
        if (!depth && (c == ',' || c == ']' || c == '}' || c == ':'))
            return scan_refuse(s, "a value is missing");
        if (c == '"') {
            r = pass_string(s, t);
        } else {
            depth += c == '[' || c == '{';
            depth -= c == ']' || c == '}';
            take_text(t, s->p++, 1);
            bool word = c != '[' && c != '{' && c != ']' && c != '}' && c != ',' && c != ':';
            while (word && (r = have_some(s)) == 0 && s->p < s->end && !is_space(*s->p) &&
                   !strchr("[]{},:\"", *s->p))
                take_text(t, s->p++, 1);
        }
        if (r < 0 || !depth)
            return r;
        if (t->too_long)
            return scan_refuse(s, "there is far too much");
    }
}

int scan_skip(struct scan *s) {
    struct text nothing = {0};
    return pass_value(s, &nothing);
}

int scan_text(struct scan *s, size_t most, char **ret) {
    struct text t = {.most = most, .keeps = true};
    int r = pass_value(s, &t);
    if (r == 0 && t.too_long)
        r = scan_refuse(s, "there is far too much");
    if (r < 0) {
        vec_free(&t.v);
        return r;
    }
    vec_push(&t.v, '\0');
    *ret = t.v.at;
    return 0;
}
