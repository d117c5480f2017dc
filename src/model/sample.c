#include "model/sample.h"
#include <string.h>

static const struct sample_field_info infos[] = {
    [SAMPLE_RSS] = {"rss", "RSS", SAMPLE_BYTES, false},
    [SAMPLE_RSS_ANON] = {"rss_anon", "anonymous", SAMPLE_BYTES, false},
    [SAMPLE_RSS_FILE] = {"rss_file", "files", SAMPLE_BYTES, false},
    [SAMPLE_RSS_SHMEM] = {"rss_shmem", "shared", SAMPLE_BYTES, false},
    [SAMPLE_SWAP] = {"swap", "swap", SAMPLE_BYTES, false},
    [SAMPLE_VM_SIZE] = {"vm_size", "virtual", SAMPLE_BYTES, false},
    [SAMPLE_VM_DATA] = {"vm_data", "data", SAMPLE_BYTES, false},
    [SAMPLE_PAGE_TABLES] = {"page_tables", "page tables", SAMPLE_BYTES, false},
    [SAMPLE_HEAP_USED] = {"heap_used", "heap used", SAMPLE_BYTES, false},
    [SAMPLE_HEAP_TOTAL] = {"heap_total", "heap total", SAMPLE_BYTES, false},
    [SAMPLE_HEAP_LIMIT] = {"heap_limit", "heap limit", SAMPLE_BYTES, false},
    [SAMPLE_EXTERNAL] = {"external", "external", SAMPLE_BYTES, false},
    [SAMPLE_ARRAY_BUFFERS] = {"array_buffers", "ArrayBuffers", SAMPLE_BYTES, false},
    [SAMPLE_NEW_USED] = {"new_used", "new space", SAMPLE_BYTES, false},
    [SAMPLE_OLD_USED] = {"old_used", "old space", SAMPLE_BYTES, false},
    [SAMPLE_CODE_USED] = {"code_used", "code space", SAMPLE_BYTES, false},
    [SAMPLE_LARGE_USED] = {"large_used", "large objects", SAMPLE_BYTES, false},
    [SAMPLE_WORKERS] = {"workers", "workers", SAMPLE_COUNT, false},
    [SAMPLE_WORKERS_HEAP_USED] = {"workers_heap_used", "workers' heaps used", SAMPLE_BYTES, false},
    [SAMPLE_WORKERS_HEAP_TOTAL] = {"workers_heap_total", "workers' heaps", SAMPLE_BYTES, false},
    [SAMPLE_MALLOC_ARENAS] = {"malloc_arenas", "malloc arenas", SAMPLE_BYTES, false},
    [SAMPLE_MALLOC_MAPPED] = {"malloc_mapped", "malloc mapped", SAMPLE_BYTES, false},
    [SAMPLE_GC_MAJOR] = {"gc_major", "full collections", SAMPLE_COUNT, true},
    [SAMPLE_GC_MINOR] = {"gc_minor", "scavenges", SAMPLE_COUNT, true},
    [SAMPLE_GC_PAUSE_NS] = {"gc_pause_ns", "collecting", SAMPLE_NS, true},
    [SAMPLE_LIVE_AFTER_GC] = {"live_after_gc", "left by a collection", SAMPLE_BYTES, false},
    [SAMPLE_FAULTS_MINOR] = {"faults_minor", "minor faults", SAMPLE_COUNT, true},
    [SAMPLE_FAULTS_MAJOR] = {"faults_major", "major faults", SAMPLE_COUNT, true},
    [SAMPLE_CPU_USER_NS] = {"cpu_user_ns", "user CPU", SAMPLE_NS, true},
    [SAMPLE_CPU_SYSTEM_NS] = {"cpu_system_ns", "system CPU", SAMPLE_NS, true},
    [SAMPLE_SWITCHES_VOLUNTARY] = {"switches_voluntary", "switches", SAMPLE_COUNT, true},
    [SAMPLE_SWITCHES_FORCED] = {"switches_forced", "forced switches", SAMPLE_COUNT, true},
    [SAMPLE_THREADS] = {"threads", "threads", SAMPLE_COUNT, false},
    [SAMPLE_FDS] = {"fds", "descriptors", SAMPLE_COUNT, false},
    [SAMPLE_CGROUP_CURRENT] = {"cgroup_current", "cgroup", SAMPLE_BYTES, false},
    [SAMPLE_CGROUP_LIMIT] = {"cgroup_limit", "cgroup limit", SAMPLE_BYTES, false},
    [SAMPLE_CGROUP_OOM_KILLS] = {"cgroup_oom_kills", "OOM kills", SAMPLE_COUNT, true},
    [SAMPLE_CGROUP_LIMIT_HITS] = {"cgroup_limit_hits", "limit hits", SAMPLE_COUNT, true},
    [SAMPLE_PRESSURE_SOME_NS] = {"pressure_some_ns", "waits for memory", SAMPLE_NS, true},
    [SAMPLE_PRESSURE_FULL_NS] = {"pressure_full_ns", "all wait for memory", SAMPLE_NS, true},
    [SAMPLE_OLD_GENERATION_LIMIT] = {"old_generation_limit", "old limit", SAMPLE_BYTES, false},
};
_Static_assert(sizeof infos / sizeof *infos == SAMPLE_FIELDS && SAMPLE_FIELDS <= 64, "a bit each");

const struct sample_field_info *sample_field_info(enum sample_field f) {
    return &infos[f];
}

int sample_field_find(const char *name) {
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        if (!strcmp(infos[f].name, name))
            return f;
    return -1;
}

bool sample_get(const struct sample *s, enum sample_field f, uint64_t *ret) {
    if (!(s->known >> f & 1))
        return false;
    *ret = s->value[f];
    return true;
}

void sample_set(struct sample *s, enum sample_field f, uint64_t value) {
    s->value[f] = value;
    s->known |= UINT64_C(1) << f;
}

const char *gc_kind_name(enum gc_kind k) {
    static const char *const names[] = {
        [GC_SCAVENGE] = "scavenge",
        [GC_MARK_COMPACT] = "mark-compact",
        [GC_MINOR_MARK] = "minor-mark-sweep",
        [GC_INCREMENTAL] = "incremental",
        [GC_UNKNOWN] = "unknown",
    };
    return names[k];
}
