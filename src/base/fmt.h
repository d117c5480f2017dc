/* Numbers as people read them. Each writes into the caller's buffer and returns it. */
#ifndef MEMWHY_BASE_FMT_H
#define MEMWHY_BASE_FMT_H

#include <stddef.h>
#include <stdint.h>

#define FMT_MAX 32

char *fmt_bytes(char buf[FMT_MAX], uint64_t bytes);       /* "12.3 MiB", "517 B" */
char *fmt_delta(char buf[FMT_MAX], int64_t bytes);        /* "+12.3 MiB", "-4.0 KiB", "0 B" */
char *fmt_count(char buf[FMT_MAX], uint64_t count);       /* "12,345,678" */
char *fmt_duration(char buf[FMT_MAX], uint64_t nanosecs); /* "12.3 ms", "1.24 s" */
char *fmt_percent(char buf[FMT_MAX], uint64_t part, uint64_t whole); /* "12.3 %", "-" of 0 */

#endif
