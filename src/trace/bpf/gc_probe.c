/* The probe: runs in the kernel whenever V8 writes a collection into its list of last collections
 * (trace/gc_layout.h), and copies its record of it. Compiled for BPF. */
#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "trace/bpf/gc_probe.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, GC_PROBE_PROCESSES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct gc_probe_process);
} processes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, GC_PROBE_RING_BYTES);
} ring SEC(".maps");

/* memwhy's pid namespace, in whose numbers it knows processes; 0: it is the first one. */
const volatile __u64 namespace_dev = 0, namespace_ino = 0;
/* Records there was no room for, or that could not be read. */
__u64 lost = 0;

static __u64 process_and_thread(void) {
    struct bpf_pidns_info in = {};
    if (!namespace_ino)
        return bpf_get_current_pid_tgid();
    if (bpf_get_ns_current_pid_tgid(namespace_dev, namespace_ino, &in, sizeof in) < 0)
        return 0;
    return (__u64)in.tgid << 32 | in.pid;
}

SEC("uprobe")
int collected(struct pt_regs *registers) {
    __u64 id = process_and_thread();
    __u32 pid = id >> 32;
    const struct gc_probe_process *process = bpf_map_lookup_elem(&processes, &pid);
    if (!process)
        return 0;
    struct gc_probe_record *r = bpf_ringbuf_reserve(&ring, sizeof *r, 0);
    if (!r) {
        __sync_fetch_and_add(&lost, 1);
        return 0;
    }
    const char *tracer = (const char *)PT_REGS_PARM1(registers);
    r->at_ns = bpf_ktime_get_ns();
    r->tracer = (__u64)tracer;
    r->pid = pid;
    r->tid = (__u32)id;
    if (bpf_probe_read_user(r->front, sizeof r->front, tracer) < 0) {
        __sync_fetch_and_add(&lost, 1);
        bpf_ringbuf_discard(r, 0);
        return 0;
    }
    /* What cannot be read is zeroed by the kernel. */
    __builtin_memset(r->steps, 0, sizeof r->steps);
    __builtin_memset(r->utilization, 0, sizeof r->utilization);
    if (process->steps_at)
        bpf_probe_read_user(r->steps, sizeof r->steps, tracer + process->steps_at);
    if (process->utilization_at)
        bpf_probe_read_user(r->utilization, sizeof r->utilization,
                            tracer + process->utilization_at);
    bpf_ringbuf_submit(r, 0);
    return 0;
}
