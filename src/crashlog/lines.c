#include "crashlog/lines.h"

#include "base/limits.h"
#include "base/mem.h"
#include "heapfile/input.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void lines_init(struct lines *l, struct input *in) {
    *l = (struct lines){.in = in};
    l->carry = mem_alloc(LIMIT_LOG_LINE);
    l->clean = mem_alloc(LIMIT_LOG_LINE + 1);
}

void lines_done(struct lines *l) {
    free(l->carry);
    free(l->clean);
    *l = (struct lines){0};
}

static void carry(struct lines *l, const char *from, size_t n) {
    size_t room = LIMIT_LOG_LINE - l->carried;
    size_t take = n < room ? n : room;
    memcpy(l->carry + l->carried, from, take);
    l->carried += take;
    l->cut += take < n && take > 0;
}

/* The line ends at `stop`, in this piece. */
static int give(struct lines *l, const char *stop, const char **ret, size_t *ret_n) {
    *ret = l->at;
    *ret_n = (size_t)(stop - l->at);
    if (l->carried) {
        carry(l, l->at, *ret_n);
        *ret = l->carry;
        *ret_n = l->carried;
        l->carried = 0;
    } else if (*ret_n > LIMIT_LOG_LINE) {
        *ret_n = LIMIT_LOG_LINE;
        l->cut++;
    }
    l->number++;
    return 1;
}

int lines_next(struct lines *l, const char **ret, size_t *ret_n, struct err *e) {
    for (;;) {
        const char *stop = l->at == l->end ? NULL : memchr(l->at, '\n', (size_t)(l->end - l->at));
        if (stop) {
            int r = give(l, stop, ret, ret_n);
            l->at = stop + 1;
            return r;
        }
        if (l->at != l->end)
            carry(l, l->at, (size_t)(l->end - l->at));
        size_t n;
        int r = input_next(l->in, &l->at, &n, e);
        if (r < 0) {
            l->at = l->end = NULL;
            return r;
        }
        if (!n) {
            l->at = l->end = l->carry; /* there is no piece */
            return l->carried ? give(l, l->end, ret, ret_n) : 0;
        }
        l->end = l->at + n;
        l->bytes += n;
    }
}

/* What follows ESC: a colour, a title. Returns what is behind it. */
static const char *skip_escape(const char *at, const char *end) {
    if (at == end)
        return at;
    char kind = *at++;
    if (kind == '[')
        while (at < end && (uint8_t)*at >= 0x20 && (uint8_t)*at < 0x40)
            at++;
    else if (kind == ']')
        while (at < end && *at != '\a' && *at != 0x1b)
            at++;
    else
        return at;
    return at < end ? at + 1 : at;
}

char *lines_clean(struct lines *l, const char *line, size_t n) {
    const char *end = line + n;
    const char *zero = memrchr(line, '\0', n); /* a log that was cut off while it was written to */
    char *to = l->clean;
    if (zero)
        line = zero + 1;
    while (line < end) {
        char c = *line++;
        if (c == 0x1b)
            line = skip_escape(line, end);
        else if (c == '\t')
            *to++ = ' ';
        else if ((uint8_t)c >= 0x20 && c != 0x7f)
            *to++ = c;
    }
    while (to > l->clean && to[-1] == ' ')
        to--;
    *to = '\0';
    return l->clean;
}
