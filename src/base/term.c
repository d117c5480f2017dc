#include "base/term.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A variable that is set and not empty, or NULL. */
static const char *variable(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

bool term_is_tty(FILE *f) {
    return isatty(fileno(f)) == 1;
}

unsigned term_width(FILE *f) {
    if (!term_is_tty(f))
        return 0;
    const char *columns = variable("COLUMNS");
    unsigned long n = columns ? strtoul(columns, NULL, 10) : 0;
    if (n >= 20 && n <= 10000)
        return (unsigned)n;
    struct winsize w = {0};
    if (ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col)
        return w.ws_col;
    return 80;
}

bool term_colour(FILE *f) {
    const char *term = variable("TERM"), *force = variable("CLICOLOR_FORCE");
    if (variable("NO_COLOR") || (term && !strcmp(term, "dumb")))
        return false;
    if (force && strcmp(force, "0"))
        return true;
    return term && term_is_tty(f);
}

bool term_is_utf8(void) {
    const char *locale = variable("LC_ALL");
    if (!locale)
        locale = variable("LC_CTYPE");
    if (!locale)
        locale = variable("LANG");
    return locale && (strcasestr(locale, "UTF-8") || strcasestr(locale, "utf8"));
}
