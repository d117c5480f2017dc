#include "crashlog/gc_line.h"

#include "crashlog/scan.h"

/* "[1234:0x55d3ceb94000]"; Windows writes no 0x, and some tools a space. */
static bool take_ids(const char **at, struct gc_line *g) {
    const char *p = *at;
    if (!scan_text(&p, "[") || !scan_number(&p, 10, &g->pid) || !scan_text(&p, ":"))
        return false;
    scan_spaces(&p);
    scan_text(&p, "0x");
    if (!scan_number(&p, 16, &g->isolate))
        while (*p == '.' || *p == 'x' || *p == 'X') /* made anonymous */
            p++;
    if (!scan_text(&p, "]"))
        return false;
    *at = p;
    return true;
}

/* "12345 ms: Mark-sweep ", with its words in brackets. */
static bool take_kind(const char **at, struct gc_line *g) {
    const char *p = *at;
    scan_spaces(&p);
    if (!scan_real(&p, &g->ms) || !scan_text(&p, " ms: "))
        return false;
    scan_spaces(&p);
    scan_text(&p, "Incremental ");
    if (scan_text(&p, "Mark-sweep") || scan_text(&p, "Mark-Compact"))
        g->full = true;
    else if (!scan_text(&p, "Scavenge") && !scan_text(&p, "Minor Mark-Compact") &&
             !scan_text(&p, "Minor Mark-Sweep"))
        return false;
    scan_spaces(&p);
    while (*p == '(') { /* "(reduce)", "(during sweeping)", "(interleaved)" */
        const char *close = strchr(p, ')');
        if (!close || isdigit((unsigned char)p[1]))
            break;
        g->reduce |= !strncmp(p, "(reduce)", 8);
        p = close + 1;
        scan_spaces(&p);
    }
    *at = p;
    return true;
}

/* "43.1 (78.8)" */
static bool take_sizes(const char **at, double *used, double *total, bool *ret_total) {
    const char *p = *at;
    if (!scan_real(&p, used))
        return false;
    scan_spaces(&p);
    *ret_total = false;
    *at = p;
    if (scan_text(&p, "(") && scan_real(&p, total) && scan_text(&p, ")")) {
        *ret_total = true;
        *at = p;
    }
    return true;
}

static void take_pause(const char **at, struct gc_line *g) {
    const char *p = *at;
    double outside;
    scan_spaces(&p);
    scan_text(&p, "MB,");
    scan_spaces(&p);
    if (scan_text(&p, "pooled:")) {
        const char *comma = strchr(p, ',');
        p = comma ? comma + 1 : p + strlen(p);
        scan_spaces(&p);
    }
    if (!scan_real(&p, &g->pause_ms))
        return;
    scan_spaces(&p);
    g->has_pause = scan_text(&p, "ms"); /* V8 before 5 has one number, then two */
    if (!g->has_pause && scan_text(&p, "/")) {
        scan_spaces(&p);
        g->has_pause = scan_real(&p, &outside);
    }
    if (g->has_pause)
        *at = p;
}

static bool value_of(const char *from, const char *end, const char *name, double *ret) {
    const char *at = strstr(from, name);
    if (!at || at >= end)
        return false;
    at += strlen(name);
    return scan_real(&at, ret);
}

static bool says(const char *from, const char *end, const char *words) {
    const char *at = strstr(from, words);
    return at && at < end;
}

/* Where the next one begins, or the line ends. */
static const char *next_begins(const char *from) {
    struct gc_line other;
    for (const char *at = strchr(from, '['); at; at = strchr(at + 1, '[')) {
        const char *p = at;
        if (take_ids(&p, &other))
            return at;
    }
    return from + strlen(from);
}

static bool parse_here(const char *at, struct gc_line *ret, const char **ret_end) {
    struct gc_line g = {0};
    bool total;
    bool named = take_ids(&at, &g);
    if (!take_kind(&at, &g) || !take_sizes(&at, &g.before, &g.before_total, &total))
        return false;
    if (!total && !named) /* "12 ms: Scavenge 5" could be anybody's */
        return false;
    scan_spaces(&at);
    if (scan_text(&at, "->")) {
        scan_spaces(&at);
        g.has_after = take_sizes(&at, &g.after, &g.after_total, &g.has_after_total);
        take_pause(&at, &g);
    }
    const char *end = next_begins(at);
    value_of(at, end, "(+ ", &g.steps_ms);
    g.has_mu = value_of(at, end, "average mu = ", &g.average_mu) &&
               value_of(at, end, "current mu = ", &g.current_mu);
    g.last_resort = says(at, end, "last resort");
    *ret = g;
    *ret_end = end;
    return true;
}

bool gc_line_parse(const char *line, struct gc_line *ret, const char **ret_end) {
    for (const char *ms = strstr(line, " ms: "); ms; ms = strstr(ms + 1, " ms: ")) {
        const char *at = ms;
        while (at > line && (isdigit((unsigned char)at[-1]) || at[-1] == '.'))
            at--;
        const char *number = at;
        while (at > line && at[-1] == ' ')
            at--;
        if (at > line && at[-1] == ']') {
            while (at > line && *at != '[')
                at--;
            if (parse_here(at, ret, ret_end))
                return true;
        }
        if (parse_here(number, ret, ret_end))
            return true;
    }
    return false;
}
