#include "base/demangle.h"
#include "base/mem.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Template arguments longer than this tell less than they hide. */
enum { ARGUMENTS_MAX = 24 };

/* The C++ runtime's own (Itanium C++ ABI, 3.4): it limits its recursion itself. No C header
 * declares it. */
char *__cxa_demangle(const char *mangled, char *buf, size_t *len, int *status);

char *demangle(const char *symbol) {
    char *name =
        symbol[0] == '_' && symbol[1] == 'Z' ? __cxa_demangle(symbol, NULL, NULL, NULL) : NULL;
    /* Symbol tables of libraries have "pthread_cond_wait@@GLIBC_2.3.2" for the linker's sake. */
    return name ? name : mem_strndup(symbol, strcspn(symbol, "@"));
}

/* "operator<", "operator()", "operator->": their signs are no brackets. Length of the signs. */
static size_t operator_signs(const char *name, const char *at) {
    static const char word[] = "operator";
    size_t n = sizeof word - 1;
    if ((size_t)(at - name) < n || memcmp(at - n, word, n) != 0)
        return 0;
    if (!strncmp(at, "()", 2))
        return 2;
    return strspn(at, "<>=-*&|!~^%/+,");
}

/* Behind the bracket that closes the one at `at`; the end of the text if none does. */
static const char *behind(const char *name, const char *at) {
    size_t depth = 0;
    do {
        at += operator_signs(name, at);
        if (*at && strchr("<({", *at))
            depth++;
        else if (*at && strchr(">)}", *at) && depth)
            depth--;
        at += *at != 0;
    } while (depth && *at);
    return at;
}

/* Parameters end a name unless something that is local to the function follows. */
static const char *behind_parameters(const char *end) {
    if (!strncmp(end, " const", 6))
        end += 6;
    return !strncmp(end, "::", 2) ? end : NULL;
}

struct short_name {
    char *at;
    size_t n;
};

static void append(struct short_name *s, const char *bytes, size_t n) {
    memcpy(s->at + s->n, bytes, n);
    s->n += n;
}

static void append_bracket(struct short_name *s, const char *at, const char *end) {
    bool keep = end - at <= ARGUMENTS_MAX || end[-1] == '}';
    if (keep) {
        append(s, at, (size_t)(end - at));
    } else {
        append(s, at, 1);
        append(s, "...", 3);
        append(s, end - 1, 1);
    }
}

static bool ends_in_operator(const struct short_name *s) {
    return s->n >= 8 && !memcmp(s->at + s->n - 8, "operator", 8);
}

char *demangle_short(const char *name) {
    struct short_name s = {mem_alloc(strlen(name) + 1), 0};
    for (const char *at = name; *at;) {
        size_t signs = operator_signs(name, at);
        if (signs) {
            append(&s, at, signs);
            at += signs;
        } else if (strchr("<({", *at)) {
            const char *end = behind(name, at), *more = end;
            if (*at == '(' && s.n && strncmp(at, "(anonymous namespace)", 21) != 0)
                more = behind_parameters(end);
            if (!more)
                break;
            append_bracket(&s, at, end);
            at = more;
        } else if (*at == ' ' && !ends_in_operator(&s)) {
            if (at[1] != '<') /* what stood before is a return type; templates tell theirs */
                s.n = 0;
            at++;
        } else {
            append(&s, at++, 1);
        }
    }
    s.at[s.n] = 0;
    return s.at;
}
