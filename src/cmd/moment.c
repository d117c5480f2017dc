#include "cmd/moment.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define DAY_S 86400

static time_t midnight_of(uint64_t ns) {
    time_t s = (time_t)(ns / SECOND_NS);
    struct tm t;
    localtime_r(&s, &t);
    t.tm_hour = t.tm_min = t.tm_sec = 0;
    t.tm_isdst = -1;
    return mktime(&t);
}

static bool parse_as(const char *text, const char *form, time_t day, time_t *ret) {
    struct tm t;
    localtime_r(&day, &t);
    const char *end = strptime(text, form, &t);
    t.tm_isdst = -1;
    if (!end || *end)
        return false;
    *ret = mktime(&t);
    return *ret != (time_t)-1;
}

static bool parse_ago(const char *text, uint64_t now_ns, uint64_t *ret) {
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", DAY_S}};
    char *unit;
    unsigned long n = strtoul(text, &unit, 10);
    for (size_t i = 0; unit != text && i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].unit) == 0 && n <= now_ns / SECOND_NS / units[i].seconds) {
            *ret = now_ns - n * units[i].seconds * SECOND_NS;
            return true;
        }
    return false;
}

bool moment_parse(const char *text, uint64_t now_ns, uint64_t *ret) {
    static const char *const whole[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
                                        "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};
    static const char *const of_day[] = {"%H:%M", "%H:%M:%S"};
    time_t day = midnight_of(now_ns), s;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (parse_as(text, whole[i], day, &s) && s >= 0) {
            *ret = (uint64_t)s * SECOND_NS;
            return true;
        }
    for (size_t i = 0; i < sizeof of_day / sizeof *of_day; i++)
        if (parse_as(text, of_day[i], day, &s)) {
            if ((uint64_t)s * SECOND_NS > now_ns &&
                !parse_as(text, of_day[i], midnight_of((uint64_t)(day - DAY_S / 2) * SECOND_NS),
                          &s))
                return false;
            *ret = (uint64_t)s * SECOND_NS;
            return true;
        }
    return parse_ago(text, now_ns, ret);
}

char *moment_text(char buf[MOMENT_MAX], uint64_t ns) {
    time_t s = (time_t)(ns / SECOND_NS);
    struct tm t;
    localtime_r(&s, &t);
    strftime(buf, MOMENT_MAX, "%Y-%m-%d %H:%M:%S", &t);
    return buf;
}
