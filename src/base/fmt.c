#include "base/fmt.h"
#include <stdio.h>
#include <string.h>

char *fmt_bytes(char buf[FMT_MAX], uint64_t bytes) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(buf, FMT_MAX, "%u B", (unsigned)bytes);
        return buf;
    }
    double v = (double)bytes / 1024;
    size_t u = 0;
    while (v >= 1023.95 && u + 1 < sizeof units / sizeof *units) { /* "1024.0 KiB" is "1.0 MiB" */
        v /= 1024;
        u++;
    }
    snprintf(buf, FMT_MAX, "%.1f %s", v, units[u]);
    return buf;
}

char *fmt_delta(char buf[FMT_MAX], int64_t bytes) {
    if (bytes == 0)
        return fmt_bytes(buf, 0);
    uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
    buf[0] = bytes < 0 ? '-' : '+';
    char rest[FMT_MAX];
    fmt_bytes(rest, size);
    memcpy(buf + 1, rest, FMT_MAX - 1);
    return buf;
}

char *fmt_count(char buf[FMT_MAX], uint64_t count) {
    char digits[FMT_MAX];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *out = buf;
    for (int i = 0; i < n; i++) {
        *out++ = digits[i];
        if (i + 1 < n && (n - i - 1) % 3 == 0)
            *out++ = ',';
    }
    *out = '\0';
    return buf;
}

char *fmt_duration(char buf[FMT_MAX], uint64_t nanosecs) {
    double ns = (double)nanosecs;
    if (nanosecs < 1000)
        snprintf(buf, FMT_MAX, "%u ns", (unsigned)nanosecs);
    else if (ns < 999.95e3)
        snprintf(buf, FMT_MAX, "%.1f us", ns / 1e3);
    else if (ns < 999.95e6)
        snprintf(buf, FMT_MAX, "%.1f ms", ns / 1e6);
    else if (ns < 119.995e9)
        snprintf(buf, FMT_MAX, "%.2f s", ns / 1e9);
    else if (ns < 7200e9)
        snprintf(buf, FMT_MAX, "%.1f min", ns / 60e9);
    else
        snprintf(buf, FMT_MAX, "%.1f h", ns / 3600e9);
    return buf;
}

char *fmt_percent(char buf[FMT_MAX], uint64_t part, uint64_t whole) {
    if (whole == 0)
        snprintf(buf, FMT_MAX, "-");
    else
        snprintf(buf, FMT_MAX, "%.1f %%", 100.0 * (double)part / (double)whole);
    return buf;
}
