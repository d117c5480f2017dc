/* A moment as people write it. */
#ifndef MEMWHY_CMD_MOMENT_H
#define MEMWHY_CMD_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* "14:03", "14:03:20" (the last such time up to `now_ns`), "2026-11-22", "2026-11-22 14:03[:20]"
 * (or with a T), local time; "2h", "90s": so long before `now_ns`. Nanoseconds since 1970. False
 * when it is none of these. */
bool moment_parse(const char *text, uint64_t now_ns, uint64_t *ret);

enum { MOMENT_MAX = 32 };
/* "2026-11-22 14:03:20", local time. */
char *moment_text(char buf[MOMENT_MAX], uint64_t ns);

#endif
