#include "base/debug.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool debug_on(const char *subject) {
    const char *want = getenv("MEMWHY_DEBUG");
    size_t n = strlen(subject);
    for (const char *p = want; p && *p; p += strcspn(p, ",")) {
        p += *p == ',';
        size_t len = strcspn(p, ",");
        if ((len == n && strncmp(p, subject, n) == 0) || (len == 3 && strncmp(p, "all", 3) == 0))
            return true;
    }
    return false;
}

void debug(const char *subject, const char *fmt, ...) {
    if (!debug_on(subject))
        return;
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "memwhy[%s]: ", subject);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}
