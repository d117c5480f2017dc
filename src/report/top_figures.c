#include "report/top_figures.h"

#include <stdio.h>
#include <string.h>

static const struct top_part_info part_infos[TOP_PARTS] = {
    [TOP_V8_USED] = {"v8_used", "V8 used", 'V'},     [TOP_V8_FREE] = {"v8_free", "V8 free", 'v'},
    [TOP_EXTERNAL] = {"external", "Buffers", 'B'},   [TOP_MALLOC] = {"malloc", "malloc", 'M'},
    [TOP_OTHER] = {"other_anonymous", "other", 'o'}, [TOP_FILES] = {"files", "files", 'F'},
};

const struct top_part_info *top_part_info(enum top_part p) {
    return &part_infos[p];
}

static const struct top_column_info column_infos[TOP_COLUMNS] = {
    [TOP_PID] = {"pid", "PID", "process id", TOP_KIND_COUNT, 7, 0},
    [TOP_RSS] = {"rss", "RSS", "memory that is resident", TOP_KIND_BYTES, 10, 1},
    [TOP_COMMAND] = {"command", "COMMAND", "command line", TOP_KIND_TEXT, 10, 2},
    [TOP_BAR] = {NULL, "OWNERS", NULL, TOP_KIND_TEXT, 8, 3},
    [TOP_HEAP_USED] = {"heap_used", "HEAP USED", "V8's heap that is used", TOP_KIND_BYTES, 10, 4},
    [TOP_CPU] = {"cpu_percent", "CPU%", "share of a processor", TOP_KIND_PERCENT, 5, 5},
    [TOP_ROOM] = {"heap_room_percent", "ROOM%", "what is left of the heap's limit",
                  TOP_KIND_PERCENT, 5, 6},
    [TOP_GC_RATE] = {"gc_per_second", "GC/s", "collections a second", TOP_KIND_RATE, 5, 7},
    [TOP_SLOPE] = {"slope_bytes_per_minute", "RSS/MIN", "by which RSS rises a minute",
                   TOP_KIND_DELTA, 11, 8},
    [TOP_VERSION] = {"version", "NODE", "version of Node", TOP_KIND_TEXT, 8, 9},
    [TOP_HEAP_LIMIT] = {"heap_limit", "HEAP LIMIT", "what V8 lets the heap grow to", TOP_KIND_BYTES,
                        10, 10},
    [TOP_HEAP_TOTAL] = {"heap_total", "HEAP TOTAL", "V8's heap", TOP_KIND_BYTES, 10, 11},
    [TOP_GC_TIME] = {"gc_time_percent", "GC%", "share of the time in collections", TOP_KIND_PERCENT,
                     5, 12},
    [TOP_LIVE] = {"live_after_gc", "LIVED", "heap used after the last full collection",
                  TOP_KIND_BYTES, 10, 13},
    [TOP_CPU_TIME] = {"cpu_ns", "CPU TIME", "processor time since it began", TOP_KIND_NS, 9, 14},
    [TOP_THREADS] = {"threads", "THR", "threads", TOP_KIND_COUNT, 4, 15},
};

const struct top_column_info *top_column_info(enum top_column c) {
    return &column_infos[c];
}

int top_column_find(const char *key) {
    for (int c = 0; c < TOP_COLUMNS; c++)
        if (column_infos[c].meaning && !strcmp(column_infos[c].key, key))
            return c;
    return -1;
}

static uint64_t or_zero(const struct sample *s, enum sample_field f) {
    uint64_t v = 0;
    sample_get(s, f, &v);
    return v;
}

/* Takes up to `want` of what is left for a part. */
static void take(struct top_parts *p, enum top_part part, uint64_t want, uint64_t *left) {
    p->bytes[part] = want < *left ? want : *left;
    p->known |= 1u << part;
    *left -= p->bytes[part];
}

static uint64_t above(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/* What V8 has of both: its own counters are of one isolate. */
static bool heaps(const struct sample *s, enum sample_field main, enum sample_field workers,
                  uint64_t *ret) {
    if (!sample_get(s, main, ret))
        return false;
    *ret += or_zero(s, workers);
    return true;
}

bool top_parts_of(const struct sample *s, struct top_parts *ret) {
    struct top_parts p = {.known = 1u << TOP_OTHER};
    uint64_t rss, left, used = 0, total, external = 0, arenas, mapped;
    if (!sample_get(s, SAMPLE_RSS, &rss))
        return false;
    left = rss;
    if (sample_get(s, SAMPLE_RSS_ANON, &left)) {
        left = left < rss ? left : rss;
        p.bytes[TOP_FILES] = rss - left;
        p.known |= 1u << TOP_FILES;
    }
    if (heaps(s, SAMPLE_HEAP_USED, SAMPLE_WORKERS_HEAP_USED, &used))
        take(&p, TOP_V8_USED, used, &left);
    if (sample_get(s, SAMPLE_EXTERNAL, &external))
        take(&p, TOP_EXTERNAL, external, &left);
    if (sample_get(s, SAMPLE_MALLOC_ARENAS, &arenas) &&
        sample_get(s, SAMPLE_MALLOC_MAPPED, &mapped))
        take(&p, TOP_MALLOC, above(arenas + mapped, external), &left);
    /* Last, as much of a young heap was never touched. */
    if (heaps(s, SAMPLE_HEAP_TOTAL, SAMPLE_WORKERS_HEAP_TOTAL, &total))
        take(&p, TOP_V8_FREE, above(total, used), &left);
    p.bytes[TOP_OTHER] = left;
    *ret = p;
    return true;
}

uint64_t top_parts_sum(const struct top_parts *p) {
    uint64_t sum = 0;
    for (int i = 0; i < TOP_PARTS; i++)
        sum += p->bytes[i];
    return sum;
}

static bool field(const struct top_process *p, enum sample_field f, double *ret) {
    uint64_t v;
    if (!sample_get(&p->now, f, &v))
        return false;
    *ret = (double)v;
    return true;
}

/* By how much a counter rose, per nanosecond. A counter that fell was begun anew. */
static bool rate(const struct top_process *p, enum sample_field f, double *ret) {
    uint64_t now, before;
    if (!p->has_before || p->now.at_ns <= p->before.at_ns || !sample_get(&p->now, f, &now) ||
        !sample_get(&p->before, f, &before) || now < before)
        return false;
    *ret = (double)(now - before) / (double)(p->now.at_ns - p->before.at_ns);
    return true;
}

/* What two counters show together. */
static bool rates(const struct top_process *p, enum sample_field f, enum sample_field g,
                  double factor, double *ret) {
    double a, b;
    if (!rate(p, f, &a) || !rate(p, g, &b))
        return false;
    *ret = (a + b) * factor;
    return true;
}

static bool room(const struct top_process *p, double *ret) {
    double used, limit;
    if (!field(p, SAMPLE_HEAP_USED, &used) || !field(p, SAMPLE_HEAP_LIMIT, &limit) || limit <= 0)
        return false;
    *ret = used < limit ? 100 * (limit - used) / limit : 0;
    return true;
}

static bool cpu_time(const struct top_process *p, double *ret) {
    double user, system;
    if (!field(p, SAMPLE_CPU_USER_NS, &user) || !field(p, SAMPLE_CPU_SYSTEM_NS, &system))
        return false;
    *ret = user + system;
    return true;
}

static bool gc_time(const struct top_process *p, double *ret) {
    if (!rate(p, SAMPLE_GC_PAUSE_NS, ret))
        return false;
    *ret *= 100;
    return true;
}

static bool slope(const struct top_slope *s, double *ret) {
    if (s->known)
        *ret = s->low > 0 || s->high < 0 ? s->bytes : 0;
    return s->known;
}

bool top_figure(const struct top_process *p, enum top_column c, double *ret) {
    switch (c) {
    case TOP_PID:
        *ret = (double)p->id.pid;
        return true;
    case TOP_RSS:
        return field(p, SAMPLE_RSS, ret);
    case TOP_HEAP_USED:
        return field(p, SAMPLE_HEAP_USED, ret);
    case TOP_HEAP_TOTAL:
        return field(p, SAMPLE_HEAP_TOTAL, ret);
    case TOP_HEAP_LIMIT:
        return field(p, SAMPLE_HEAP_LIMIT, ret);
    case TOP_ROOM:
        return room(p, ret);
    case TOP_LIVE:
        return field(p, SAMPLE_LIVE_AFTER_GC, ret);
    case TOP_GC_RATE:
        return rates(p, SAMPLE_GC_MAJOR, SAMPLE_GC_MINOR, 1e9, ret);
    case TOP_GC_TIME:
        return gc_time(p, ret);
    case TOP_SLOPE:
        return slope(&p->slope, ret);
    case TOP_CPU:
        return rates(p, SAMPLE_CPU_USER_NS, SAMPLE_CPU_SYSTEM_NS, 100, ret);
    case TOP_CPU_TIME:
        return cpu_time(p, ret);
    case TOP_THREADS:
        return field(p, SAMPLE_THREADS, ret);
    case TOP_BAR:
    case TOP_VERSION:
    case TOP_COMMAND:
    case TOP_COLUMNS:
        break;
    }
    return false;
}

char *top_figure_text(char buf[FMT_MAX], const struct top_process *p, enum top_column c) {
    double v;
    if (!top_figure(p, c, &v)) {
        snprintf(buf, FMT_MAX, "?");
        return buf;
    }
    switch (column_infos[c].kind) {
    case TOP_KIND_BYTES:
        return fmt_bytes(buf, (uint64_t)v);
    case TOP_KIND_DELTA:
        if ((int64_t)v)
            return fmt_delta(buf, (int64_t)v);
        snprintf(buf, FMT_MAX, "steady");
        return buf;
    case TOP_KIND_NS:
        return fmt_duration(buf, (uint64_t)v);
    case TOP_KIND_RATE:
    case TOP_KIND_PERCENT:
        snprintf(buf, FMT_MAX, v < 999.95 ? "%.1f" : "%.0f", v);
        return buf;
    case TOP_KIND_COUNT:
    case TOP_KIND_TEXT:
        break;
    }
    snprintf(buf, FMT_MAX, "%.0f", v);
    return buf;
}

bool top_is_short(const struct top_process *p) {
    double percent;
    return top_figure(p, TOP_ROOM, &percent) && percent < 10;
}
