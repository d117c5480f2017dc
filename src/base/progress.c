#include "base/progress.h"
#include "base/clock.h"
#include "base/fmt.h"
#include <stdio.h>
#include <time.h>

enum { AFTER_NS = 1000000000, EVERY_NS = 100000000 };

struct progress progress_start(bool on) {
    return (struct progress){.on = on, .start_ns = clock_ns()};
}

void progress_say(struct progress *p, const char *what, uint64_t done, uint64_t total) {
    if (!p || !p->on)
        return;
    uint64_t now = clock_ns();
    if (now - p->start_ns < AFTER_NS || now - p->last_ns < EVERY_NS)
        return;
    p->last_ns = now;
    p->shown = true;
    char part[FMT_MAX] = "";
    if (total)
        fmt_percent(part, done < total ? done : total, total);
    fprintf(stderr, "\r\033[Kmemwhy: %s %s", what, part);
    fflush(stderr);
}

void progress_done(struct progress *p) {
    if (!p || !p->shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->shown = false;
}
