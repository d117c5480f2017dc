/* One line on stderr that says what is going on, once work takes over a second, and only on a
 * terminal. Cheap enough to be told every few thousand steps (one clock read each). */
#ifndef MEMWHY_BASE_PROGRESS_H
#define MEMWHY_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on; /* stderr is a terminal */
    bool shown;
    uint64_t start_ns, last_ns;
};

/* Begin; the second counts from here. */
struct progress progress_start(bool on);
/* Say what is being done ("walking the heap"), `done` of `total`; total 0: unknown. NULL `p` is
 * fine. */
void progress_say(struct progress *p, const char *what, uint64_t done, uint64_t total);
/* Wipe the line. Idempotent; call it before anything else is printed. */
void progress_done(struct progress *p);

#endif
