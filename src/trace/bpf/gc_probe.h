/* What the probe in the kernel and memwhy tell each other. Also compiled for BPF. */
#ifndef MEMWHY_TRACE_BPF_GC_PROBE_H
#define MEMWHY_TRACE_BPF_GC_PROBE_H

#include <linux/types.h>

/* How much of a GCTracer is copied: the front of it, up to the sizes of the current event. */
enum { GC_PROBE_FRONT = 96, GC_PROBE_PROCESSES = 16384, GC_PROBE_RING_BYTES = 512 * 1024 };

/* Of each process: what else to copy, as offsets in its GCTracer; 0: that is not known. */
struct gc_probe_process {
    __u32 steps_at, utilization_at;
};

struct gc_probe_record {
    __u64 at_ns; /* CLOCK_MONOTONIC, when the probe was hit */
    __u64 tracer;
    __u32 pid, tid;
    __u8 front[GC_PROBE_FRONT];
    __u64 steps[3], utilization[3]; /* 0 where it could not be read */
};

#endif
