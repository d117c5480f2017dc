#include "serve/accept.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A piece of a header, without blanks around it. */
struct piece {
    const char *at;
    size_t n;
};

/* What is before the next `end`, at which `*rest` then stands; it moves behind. */
static struct piece take(struct piece *rest, char end) {
    const char *stop = memchr(rest->at, end, rest->n);
    size_t n = stop ? (size_t)(stop - rest->at) : rest->n, skip = n + (stop != NULL);
    struct piece p = {rest->at, n};
    rest->at += skip;
    rest->n -= skip;
    while (p.n && strchr(" \t\"", p.at[0]))
        p.at++, p.n--;
    while (p.n && strchr(" \t\"", p.at[p.n - 1]))
        p.n--;
    return p;
}

static bool is(struct piece p, const char *word) {
    return p.n == strlen(word) && !strncasecmp(p.at, word, p.n);
}

/* "0.75" as 750, at most 1000; what is no such number counts as 0. */
static unsigned quality(struct piece p) {
    unsigned q = 0, digit = 1000;
    for (size_t i = 0; i < p.n && i < strlen("0.000"); i++) {
        if (i == 1 && p.at[i] == '.')
            continue;
        if (i == 1 || p.at[i] < '0' || p.at[i] > '9')
            return 0;
        q += (unsigned)(p.at[i] - '0') * digit;
        digit /= 10;
    }
    return q > 1000 ? 1000 : q;
}

enum metric_form accept_form(const char *accept) {
    unsigned open = 0, text = 0;
    struct piece rest = {accept, accept ? strlen(accept) : 0};
    while (rest.n) {
        struct piece range = take(&rest, ','), type = take(&range, ';'), version = {0};
        unsigned q = 1000;
        while (range.n) {
            struct piece value = take(&range, ';'), name = take(&value, '=');
            value = take(&value, ';');
            if (is(name, "q"))
                q = quality(value);
            else if (is(name, "version"))
                version = value;
        }
        bool is_open =
            is(type, "application/openmetrics-text") && (!version.at || is(version, "1.0.0"));
        if (is_open && q > open)
            open = q;
        else if (is(type, "text/plain") && q > text)
            text = q;
    }
    return open && open >= text ? METRIC_OPENMETRICS : METRIC_PROMETHEUS;
}
