/* Reading a line from left to right: each takes something at *at and moves behind it, or leaves
 * *at alone and says false. */
#ifndef MEMWHY_CRASHLOG_SCAN_H
#define MEMWHY_CRASHLOG_SCAN_H

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline bool scan_text(const char **at, const char *text) {
    size_t n = strlen(text);
    if (strncmp(*at, text, n) != 0)
        return false;
    *at += n;
    return true;
}

static inline void scan_spaces(const char **at) {
    while (**at == ' ')
        ++*at;
}

static inline bool scan_number(const char **at, int base, uint64_t *ret) {
    char *end;
    if (base == 16 ? !isxdigit((unsigned char)**at) : !isdigit((unsigned char)**at))
        return false;
    errno = 0;
    uint64_t v = strtoull(*at, &end, base);
    if (errno)
        return false;
    *ret = v;
    *at = end;
    return true;
}

/* "12.5"; nothing with an exponent, sign or without digits, and nothing beyond what is exact. */
static inline bool scan_real(const char **at, double *ret) {
    const char *p = *at;
    double v = 0, unit = 1;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++)
        v = v * 10 + (*p - '0');
    if (*p == '.' && isdigit((unsigned char)p[1]))
        for (p++; isdigit((unsigned char)*p); p++)
            v += (*p - '0') * (unit /= 10);
    if (!(v < 1e15))
        return false;
    *ret = v;
    *at = p;
    return true;
}

/* The number behind the first `name` in a line: "anon-rss:123kB". */
static inline bool scan_named(const char *line, const char *name, uint64_t *ret) {
    const char *at = strstr(line, name);
    if (!at)
        return false;
    at += strlen(name);
    scan_spaces(&at);
    return scan_number(&at, 10, ret);
}

#endif
