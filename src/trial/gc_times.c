#include "trial/gc_times.h"

#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "12.34" in milliseconds at `s`, followed by `then`. */
static bool milliseconds(const char *s, const char *then, uint64_t *ret_ns) {
    char *end;
    double v = strtod(s, &end);
    if (end == s || !(v >= 0 && v < 1e9) || strncmp(end, then, strlen(then)) != 0)
        return false;
    *ret_ns = (uint64_t)(v * 1e6);
    return true;
}

bool gc_times_line(const char *line, pid_t pid, uint64_t *ret_ns) {
    static const char pooled[] = "pooled: ";
    int of;
    if (sscanf(line, "[%d:0x", &of) != 1 || (pid && of != pid))
        return false;
    const char *at = strstr(line, ") -> ");
    at = at ? strstr(at, " MB, ") : NULL;
    if (!at)
        return false;
    at += strlen(" MB, ");
    if (strncmp(at, pooled, strlen(pooled)) == 0) {
        at = strstr(at, " MB, ");
        if (!at)
            return false;
        at += strlen(" MB, ");
    }
    return milliseconds(at, " / ", ret_ns);
}

bool gc_times_read(int fd, pid_t pid, uint64_t *ret_ns) {
    int own = dup(fd);
    FILE *f = own >= 0 ? fdopen(own, "r") : NULL;
    char *line = NULL;
    size_t room = 0;
    bool any = false;
    uint64_t sum = 0, ns;
    if (!f) {
        if (own >= 0)
            close(own);
        return false;
    }
    rewind(f);
    while (getline(&line, &room, f) > 0)
        if (gc_times_line(line, pid, &ns)) {
            sum += ns;
            any = true;
        }
    free(line);
    fclose(f);
    if (any)
        *ret_ns = sum;
    return any;
}
