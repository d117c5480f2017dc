#include "trial/measure.h"

#include "base/fmt.h"
#include "base/mem.h"

static const struct measure_kind kinds[MEASURES] = {
    [MEASURE_SETTLED] = {"settled_rss_bytes", "SETTLED", "settled RSS", UNIT_BYTES, false, false},
    [MEASURE_PEAK] = {"peak_rss_bytes", "PEAK", "peak RSS", UNIT_BYTES, false, true},
    [MEASURE_START] = {"start_rss_bytes", "START", "RSS when ready", UNIT_BYTES, false, false},
    [MEASURE_CPU] = {"cpu_ns", "CPU", "CPU time", UNIT_NS, false, true},
    [MEASURE_GC] = {"gc_ns", "GC", "GC pauses", UNIT_NS, false, true},
    [MEASURE_READY] = {"ready_ns", "READY", "time until ready", UNIT_NS, false, true},
    [MEASURE_RATE] = {"per_second", "REQ/S", "requests a second", UNIT_PER_SECOND, true, true},
    [MEASURE_P50] = {"p50_ns", "P50", "median latency", UNIT_NS, false, true},
    [MEASURE_P95] = {"p95_ns", "P95", "p95 latency", UNIT_NS, false, true},
    [MEASURE_P99] = {"p99_ns", "P99", "p99 latency", UNIT_NS, false, true},
};

const struct measure_kind *measure_kind(enum measure m) {
    return &kinds[m];
}

char *measure_text(enum measure m, double v, bool is_signed) {
    char buf[FMT_MAX];
    double size = v < 0 ? -v : v;
    const char *sign = v < 0 ? "-" : is_signed && v > 0 ? "+" : "";
    switch (kinds[m].unit) {
    case UNIT_BYTES:
        return mem_printf("%s%s", sign, fmt_bytes(buf, (uint64_t)size));
    case UNIT_NS:
        return mem_printf("%s%s", sign, fmt_duration(buf, (uint64_t)size));
    case UNIT_PER_SECOND:
        break;
    }
    return mem_printf("%s%.*f", sign, size < 100 ? 1 : 0, size);
}
