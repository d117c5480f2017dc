#include "crashlog/prefix.h"

#include "base/text.h"
#include "crashlog/scan.h"
#include <stdio.h>

static bool is_digit(char c) {
    return isdigit((unsigned char)c);
}

/* By a picture: 'd' a digit, others themselves. */
static bool looks(const char *at, const char *picture) {
    for (; *picture; at++, picture++)
        if (*picture == 'd' ? !is_digit(*at) : *at != *picture)
            return false;
    return true;
}

static void skip_fraction(const char **at) {
    if ((**at == '.' || **at == ',') && is_digit((*at)[1]))
        for (++*at; is_digit(**at);)
            ++*at;
}

static void skip_zone(const char **at) {
    if (**at == 'Z')
        ++*at;
    else if ((**at == '+' || **at == '-') && looks(*at + 1, "dd:dd"))
        *at += 6;
    else if ((**at == '+' || **at == '-') && looks(*at + 1, "dddd"))
        *at += 5;
    else if (looks(*at, " +dddd"))
        *at += 6;
    else if (looks(*at, " +dd:dd"))
        *at += 7;
}

/* "2026-01-31T12:34:56.789Z", "12:34:56.789", "Nov 22 00:28:08", "Sun Nov 22 00:28:08 2026". */
static bool take_time(const char **at) {
    const char *p = *at;
    if (looks(p, "dddd-dd-ddTdd:dd:dd") || looks(p, "dddd-dd-dd dd:dd:dd") ||
        looks(p, "dddd/dd/dd dd:dd:dd") || looks(p, "dd/dd/dddd dd:dd:dd"))
        p += 19;
    else if (looks(p, "dd:dd:dd"))
        p += 8;
    else {
        if (isupper((unsigned char)*p) && strlen(p) > 4 && p[3] == ' ' &&
            isupper((unsigned char)p[4]))
            p += 4; /* the day of the week */
        if (!isupper((unsigned char)*p) || strlen(p) < 15 || p[3] != ' ' ||
            !looks(p + 6, " dd:dd:dd") || !is_digit(p[5]))
            return false;
        p += 15;
        if (looks(p, " dddd"))
            p += 5;
    }
    skip_fraction(&p);
    skip_zone(&p);
    if (*p == ':')
        p++;
    *at = p;
    return true;
}

/* The same in brackets, dmesg's "[  123.456789]", and its "<6>". */
static bool take_bracketed_time(const char **at) {
    const char *p = *at;
    double seconds;
    if (scan_text(&p, "<") && is_digit(*p)) {
        while (is_digit(*p))
            p++;
        if (scan_text(&p, ">")) {
            *at = p;
            return true;
        }
    }
    p = *at;
    if (!scan_text(&p, "["))
        return false;
    scan_spaces(&p);
    const char *number = p;
    if (!take_time(&p) && !(scan_real(&p, &seconds) && memchr(number, '.', (size_t)(p - number))))
        return false;
    scan_spaces(&p);
    if (!scan_text(&p, "]"))
        return false;
    *at = p;
    return true;
}

/* What a label is made of, up to 64 bytes; returns what is behind it. */
static const char *word_end(const char *at, const char *also) {
    const char *p = at;
    while (p - at < 64 && *p && (isalnum((unsigned char)*p) || strchr(also, *p)))
        p++;
    return p;
}

static void add_label(struct prefix *r, const char *from, const char *end) {
    size_t had = strlen(r->label);
    snprintf(r->label + had, sizeof r->label - had, "%s%.*s", had ? " " : "", (int)(end - from),
             from);
}

/* "web_1  | ", "0|app  | ", "[web] ", "[pod/web-7c9/app] ", "app:build: ", "app[web.1]: ". */
static bool take_name(const char **at, struct prefix *r) {
    const char *p = *at, *end = word_end(p, "_.-/@:|");
    while (end > p && end[-1] == '|')
        end--;
    const char *bar = end;
    scan_spaces(&bar);
    if (end > p && *bar == '|' && (bar[1] == ' ' || !bar[1])) {
        add_label(r, p, end);
        *at = bar + 1;
        return true;
    }
    if (*p == '[' && !is_digit(p[1])) {
        end = word_end(p + 1, "_.-/@:#");
        if (end > p + 1 && end[0] == ']' && end[1] == ' ') {
            add_label(r, p + 1, end);
            *at = end + 2;
            return true;
        }
    }
    end = word_end(p, "_.-/@:[]");
    if (end > p + 1 && end[-1] == ':' && *end == ' ' && !is_digit(*p) &&
        (memchr(p, ':', (size_t)(end - 1 - p)) || end[-2] == ']')) {
        add_label(r, p, end - 1);
        *at = end + 1;
        return true;
    }
    return false;
}

/* Programs that write without a pid; of any other word before a colon nobody knows what it is. */
static bool is_daemon(const char *program) {
    static const char *const names[] = {"kernel", "systemd", "docker", "containerd", "kubelet"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(program, names[i], strlen(names[i])))
            return true;
    return false;
}

/* After a time: "host program[123]: ", "host kernel: ". */
static bool take_syslog(const char **at, struct prefix *r) {
    const char *p = *at, *host = word_end(p, "_.-");
    if (host == p || *host != ' ')
        return false;
    const char *program = host + 1, *end = word_end(program, "_.-/@()");
    uint64_t pid = 0;
    if (end == program)
        return false;
    const char *behind = end;
    if (scan_text(&behind, "[") && (!scan_number(&behind, 10, &pid) || !scan_text(&behind, "]")))
        return false;
    if (!scan_text(&behind, ":") || (!pid && !is_daemon(program)))
        return false;
    add_label(r, p, behind - 1);
    r->pid = pid;
    *at = *behind == ' ' ? behind + 1 : behind;
    return true;
}

/* {"log":"text\n","stream":"stderr","time":"..."}, undone in place. */
static bool undo_json(char *line, const char **ret) {
    char *to = line;
    const char *at = line;
    if (!scan_text(&at, "{\"log\":\""))
        return false;
    for (; *at && *at != '"'; at++) {
        uint64_t code;
        if (*at != '\\' || !at[1]) {
            *to++ = *at;
        } else if (*++at == 'u' && strlen(at) > 4) {
            char digits[5] = {at[1], at[2], at[3], at[4], 0};
            const char *d = digits;
            if (scan_number(&d, 16, &code) && code >= 0x20)
                to = text_put_utf8(to, (uint32_t)code); /* at most 3 bytes, of 6 */
            at += 4;
        } else if (*at != 'n' && *at != 'r') {
            *to++ = *at == 't' ? ' ' : *at;
        }
    }
    *to = '\0';
    *ret = line;
    return true;
}

void prefix_take(char *line, struct prefix *ret) {
    enum { MOST = 8 };
    const char *at = line;
    bool after_time = false;
    *ret = (struct prefix){0};
    undo_json(line, &at);
    for (int i = 0; i < MOST; i++) {
        const char *p = at;
        scan_spaces(&p);
        if (scan_text(&p, "npm ERR! ") || scan_text(&p, "npm error ") || scan_text(&p, "# ") ||
            scan_text(&p, "\xe2\x94\x82") /* a box's side */ ||
            (after_time && (scan_text(&p, "stdout F ") || scan_text(&p, "stderr F ") ||
                            scan_text(&p, "stdout P ") || scan_text(&p, "stderr P ")))) {
            at = p;
        } else if (take_time(&p) || take_bracketed_time(&p)) {
            after_time = true;
            at = p;
        } else if ((after_time && take_syslog(&p, ret)) || take_name(&p, ret)) {
            after_time = false;
            at = p;
        } else {
            break;
        }
    }
    ret->text = at;
}
