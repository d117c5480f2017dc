#include "image/orphan.h"

#include "base/mem.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t orphan_clock_ticks(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * (uint64_t)sysconf(_SC_CLK_TCK) +
           (uint64_t)t.tv_nsec / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* proc(5), /proc/PID/stat: (3) state, (22) starttime, (38) exit_signal. The name may hold anything.
 */
static bool is_orphan(pid_t pid, uint64_t since_ticks) {
    enum { STATE = 3, STARTTIME = 22, EXIT_SIGNAL = 38 };
    char path[64], line[1024], state = 0;
    uint64_t started = 0;
    long exit_signal = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    cleanup_fclose FILE *f = fopen(path, "re");
    char *at = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    for (int field = STATE; at && field <= EXIT_SIGNAL; field++) {
        at = strchr(at + 1, ' ');
        if (at && field == STATE)
            state = at[1];
        else if (at && field == STARTTIME)
            started = strtoull(at, NULL, 10);
        else if (at && field == EXIT_SIGNAL)
            exit_signal = strtol(at, NULL, 10);
    }
    return state == 'Z' && exit_signal == 0 && started >= since_ticks;
}

/* The last of the numbers in NSpid is that of its own namespace, which is its parent's. */
static int64_t own_number(pid_t pid) {
    char path[64], line[256];
    int64_t number = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    cleanup_fclose FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "NSpid:", 6) == 0) {
            const char *last = strrchr(line, '\t');
            number = last ? strtoll(last, NULL, 10) : 0;
        }
    return number;
}

int64_t orphan_find(pid_t pid, uint64_t since_ticks) {
    char path[64];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    cleanup_fclose FILE *f = fopen(path, "re");
    while (f && fscanf(f, "%d", &child) == 1)
        if (is_orphan(child, since_ticks))
            return own_number(child);
    return 0;
}
