#include "native/json_text.h"

#include <string.h>

enum { DEPTH_MAX = 64, WANT_VALUE, WANT_KEY, WANT_COLON, WANT_MORE, AT_END };

struct reader {
    const uint8_t *p, *end;
    uint64_t objects; /* a bit for each level: an object, not an array */
    int depth, state;
    bool first; /* of its object or array: it may be empty */
    size_t members;
};

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_one_of(uint8_t c, const char *set) {
    return c && strchr(set, c);
}

/* Behind the closing quote; `end` where it is not seen; NULL where it cannot be a string. */
static const uint8_t *skip_string(const uint8_t *p, const uint8_t *end) {
    for (p++; p < end && *p != '"'; p++) {
        if (*p < ' ')
            return NULL;
        if (*p == '\\' && ++p < end && !is_one_of(*p, "\"\\/bfnrtu"))
            return NULL;
    }
    return p < end ? p + 1 : end;
}

static const uint8_t *skip_number(const uint8_t *p, const uint8_t *end) {
    const uint8_t *digits = p += *p == '-';
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    if (p == digits && p < end)
        return NULL;
    while (p < end && ((*p >= '0' && *p <= '9') || is_one_of(*p, ".eE+-")))
        p++;
    return p;
}

static const uint8_t *skip_word(const uint8_t *p, const uint8_t *end) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]), have = (size_t)(end - p);
        if (memcmp(p, words[i], n < have ? n : have) == 0)
            return p + (n < have ? n : have);
    }
    return NULL;
}

static bool in_object(const struct reader *r) {
    return r->depth && (r->objects >> (r->depth - 1) & 1);
}

static void close_level(struct reader *r) {
    r->depth--;
    r->p++;
    r->first = false;
    r->state = r->depth ? WANT_MORE : AT_END;
}

static bool open_level(struct reader *r) {
    if (r->depth == DEPTH_MAX)
        return false;
    uint64_t bit = 1ull << r->depth++;
    r->objects = *r->p == '{' ? r->objects | bit : r->objects & ~bit;
    r->state = *r->p++ == '{' ? WANT_KEY : WANT_VALUE;
    r->first = true;
    return true;
}

static bool take_value(struct reader *r) {
    uint8_t c = *r->p;
    if (c == ']' && r->first && r->depth && !in_object(r)) {
        close_level(r);
        return true;
    }
    r->members += r->depth > 0;
    if (c == '{' || c == '[')
        return open_level(r);
    r->p = !r->depth                            ? NULL
           : c == '"'                           ? skip_string(r->p, r->end)
           : c == '-' || (c >= '0' && c <= '9') ? skip_number(r->p, r->end)
                                                : skip_word(r->p, r->end);
    r->state = WANT_MORE;
    r->first = false;
    return r->p != NULL;
}

static bool take_more(struct reader *r) {
    bool object = in_object(r);
    if (*r->p == (object ? '}' : ']')) {
        close_level(r);
        return true;
    }
    if (*r->p++ != ',')
        return false;
    r->state = object ? WANT_KEY : WANT_VALUE;
    return true;
}

static bool take_key(struct reader *r) {
    if (*r->p == '}' && r->first) {
        close_level(r);
        return true;
    }
    r->first = false;
    r->p = *r->p == '"' ? skip_string(r->p, r->end) : NULL;
    r->state = WANT_COLON;
    return r->p != NULL;
}

static bool take(struct reader *r) {
    switch (r->state) {
    case WANT_VALUE:
        return take_value(r);
    case WANT_KEY:
        return take_key(r);
    case WANT_MORE:
        return take_more(r);
    case WANT_COLON:
        r->state = WANT_VALUE;
        return *r->p++ == ':';
    default:
        return false; /* something behind its end */
    }
}

bool json_text(const uint8_t *text, size_t n, bool cut) {
    struct reader r = {.p = text, .end = text + n, .state = WANT_VALUE};
    while (r.p < r.end) {
        if (is_space(*r.p))
            r.p++;
        else if (!take(&r))
            return false;
    }
    return r.members && (cut || r.state == AT_END);
}
