#include "trace/gc_layout.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* More than any heap, and than any pause one would wait for. */
#define MAX_BYTES (UINT64_C(1) << 46)
#define MAX_PAUSE_NS UINT64_C(86400000000000)
#define MAX_LAG_NS UINT64_C(1000000)

/* The front of a GCTracer: heap_, then the Event. */
struct shape {
    uint32_t kind, reason, start, end, reduce, sizes; /* four: objects and committed, twice */
};

static const struct shape shapes[] = {
    {8, 0x0c, 0x18, 0x20, 0x28, 0x30}, /* to 9.6 */
    {8, 0x10, 0x20, 0x28, 0x30, 0x38}, /* with the state of the cycle */
    {8, 0x10, 0x28, 0x30, 0x38, 0x40}, /* with the isolate's priority */
};

/* What is known of the steps of an incremental marking. */
enum steps {
    ALL_STEPS, /* IncrementalInfos of MC_INCREMENTAL: duration, longest, how many */
    DURATION,  /* the same time among the event's scopes; V8 forgets the rest before it prints */
};

struct gc_layout {
    int major, minor;
    const struct shape *shape;
    bool doubles; /* times are milliseconds in a double; else microseconds */
    enum steps kept;
    uint32_t steps;
    uint32_t utilization; /* doubles: mutator's and collector's time, then the last utilization */
};

static const struct gc_layout layouts[] = {
    {7, 8, &shapes[0], true, ALL_STEPS, 0x3e8, 0xb10},
    {8, 4, &shapes[0], true, ALL_STEPS, 0x428, 0xbe0},
    {9, 0, &shapes[0], true, ALL_STEPS, 0x450, 0xbe8},
    {9, 4, &shapes[0], true, ALL_STEPS, 0x460, 0xc08},
    {9, 6, &shapes[0], true, ALL_STEPS, 0x460, 0xc08},
    {10, 1, &shapes[1], true, ALL_STEPS, 0x4a0, 0xc98},
    {10, 2, &shapes[1], true, ALL_STEPS, 0xb58, 0xc98},
    {11, 3, &shapes[1], true, ALL_STEPS, 0xba8, 0xcd0},
    {11, 8, &shapes[1], false, DURATION, 0x88, 0xd98},
    {12, 4, &shapes[1], false, DURATION, 0xa0, 0xd40},
    {12, 9, &shapes[1], false, DURATION, 0xa8, 0xdb0},
    {13, 6, &shapes[2], false, ALL_STEPS, 0xd00, 0xdd8},
    {14, 1, &shapes[2], false, ALL_STEPS, 0xdb0, 0xe88},
    {14, 6, &shapes[2], false, ALL_STEPS, 0xde0, 0xeb8},
};

/* GarbageCollectionReason, src/common/globals.h: "entries should not be renumbered". The words of
 * 14.6; of 7.8 and 11.3 one each differs. */
static const char *const reasons[] = {
    "unknown",
    "allocation failure",
    "allocation limit",
    "context disposal",
    "counters extension",
    "debugger",
    "deserialize",
    "external memory pressure",
    "finalize incremental marking via stack guard",
    "finalize incremental marking via task",
    "full hash-table",
    "heap profiler",
    "task",
    "last resort",
    "low memory notification",
    "make heap iterable",
    "memory pressure",
    "memory reducer",
    "runtime",
    "sampling profiler",
    "snapshot creator",
    "testing",
    "external finalize",
    "global allocation limit",
    "measure memory",
    "background allocation failure",
    "finalize concurrent MinorMS",
    "CppHeap allocation failure",
    "frozen",
    "idle context disposal",
    "finalize MinorMS for major GC",
};

static const char *reason_of(const struct gc_layout *l, uint32_t reason) {
    enum { TASK = 12, FINALIZE_MINOR = 26 };
    if (reason == TASK && l->major < 8)
        return "idle task";
    if (reason == FINALIZE_MINOR && l->major < 12)
        return "finalize MinorMC";
    return reason < sizeof reasons / sizeof *reasons ? reasons[reason] : NULL;
}

const struct gc_layout *gc_layout_of(int major, int minor) {
    const struct gc_layout *best = layouts;
    for (size_t i = 1; i < sizeof layouts / sizeof *layouts; i++) {
        const struct gc_layout *l = &layouts[i];
        if (l->major < major || (l->major == major && l->minor <= minor))
            best = l;
    }
    return best;
}

struct gc_probe_process gc_layout_places(const struct gc_layout *l) {
    return (struct gc_probe_process){l->steps, l->utilization};
}

static uint32_t u32_at(const struct gc_probe_record *r, uint32_t at) {
    uint32_t v;
    memcpy(&v, r->front + at, sizeof v);
    return v;
}

static uint64_t u64_at(const struct gc_probe_record *r, uint32_t at) {
    uint64_t v;
    memcpy(&v, r->front + at, sizeof v);
    return v;
}

static double as_double(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* A time or a duration in nanoseconds; false when it is none. */
static bool time_of(const struct gc_layout *l, uint64_t word, uint64_t *ret) {
    if (l->doubles) {
        double ms = as_double(word);
        if (!(ms >= 0 && ms < 9e12))
            return false;
        *ret = (uint64_t)llround(ms * 1000) * 1000; /* V8's clock counts microseconds */
        return true;
    }
    if (word > UINT64_MAX / 2000)
        return false;
    *ret = word * 1000;
    return true;
}

/* V8's types: scavenge, mark-compact, the same after marking in steps, minor mark-sweep, the same
 * in steps (13.6 and later; else "start"). */
static bool kind_of(uint32_t type, enum gc_kind *ret) {
    static const enum gc_kind kinds[] = {GC_SCAVENGE, GC_MARK_COMPACT, GC_MARK_COMPACT,
                                         GC_MINOR_MARK, GC_MINOR_MARK};
    if (type >= sizeof kinds / sizeof *kinds)
        return false;
    *ret = kinds[type];
    return true;
}

static void take_steps(const struct gc_layout *l, const struct gc_probe_record *r,
                       struct gc_event *ret) {
    enum { INCREMENTAL_MARK_COMPACT = 2 };
    uint32_t steps = l->kept == ALL_STEPS ? (uint32_t)r->steps[2] : 0;
    uint64_t took_ns, longest_ns = 0;
    if (u32_at(r, l->shape->kind) != INCREMENTAL_MARK_COMPACT || steps > INT32_MAX)
        return;
    if (!time_of(l, r->steps[0], &took_ns) || took_ns > MAX_PAUSE_NS)
        return;
    if (l->kept == ALL_STEPS && (!time_of(l, r->steps[1], &longest_ns) || longest_ns > took_ns))
        return;
    ret->steps = steps;
    ret->steps_ns = took_ns;
}

static void take_utilization(const struct gc_probe_record *r, struct gc_event *ret) {
    double mutator = as_double(r->utilization[0]), collector = as_double(r->utilization[1]);
    double current = as_double(r->utilization[2]), both = mutator + collector;
    if (!(mutator >= 0 && collector >= 0 && both < 9e15 && current >= 0 && current <= 1))
        return;
    ret->utilization = both > 0 ? mutator / both : 1;
    ret->utilization_last = current;
    ret->has_utilization = true;
}

static bool take_sizes(const struct gc_layout *l, const struct gc_probe_record *r,
                       struct gc_event *ret) {
    uint64_t sizes[4];
    for (uint32_t i = 0; i < 4; i++) {
        sizes[i] = u64_at(r, l->shape->sizes + 8 * i);
        if (!sizes[i] || sizes[i] > MAX_BYTES)
            return false;
    }
    ret->before_bytes = sizes[0];
    ret->after_bytes = sizes[1];
    ret->committed_before_bytes = sizes[2];
    ret->committed_after_bytes = sizes[3];
    return true;
}

int gc_layout_decode(const struct gc_layout *l, const struct gc_probe_record *r,
                     struct gc_event *ret) {
    struct gc_event e = {0};
    uint64_t start_ns, end_ns;
    if (!kind_of(u32_at(r, l->shape->kind), &e.kind) ||
        !time_of(l, u64_at(r, l->shape->start), &start_ns) ||
        !time_of(l, u64_at(r, l->shape->end), &end_ns))
        return -EBADMSG;
    /* The probe's clock is the same one, read in a way that may lag a little
     * (ktime_get_mono_fast_ns in kernel/time/timekeeping.c). */
    if (!start_ns || end_ns < start_ns || end_ns > r->at_ns + MAX_LAG_NS ||
        end_ns - start_ns > MAX_PAUSE_NS)
        return -EBADMSG;
    uint8_t reduce = r->front[l->shape->reduce];
    if (reduce > 1 || !take_sizes(l, r, &e))
        return -EBADMSG;
    e.at_ns = start_ns;
    e.pause_ns = end_ns - start_ns;
    e.reason = reason_of(l, u32_at(r, l->shape->reason));
    e.reduces_memory = reduce;
    take_steps(l, r, &e);
    take_utilization(r, &e);
    *ret = e;
    return 0;
}

uint64_t gc_layout_heap(const struct gc_probe_record *r) {
    return u64_at(r, 0);
}
