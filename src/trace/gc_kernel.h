/* The probe in the kernel: loaded through libbpf, put at places of files, its records fetched.
 * Needs no /sys/kernel/tracing: the kernel's uprobe PMU takes a file and an offset. The kernel
 * takes every probe out again when memwhy ends, however it ends.
 *
 * Built without libbpf, clang or bpftool, opening fails with -ENOTSUP and nothing else is called.
 */
#ifndef MEMWHY_TRACE_GC_KERNEL_H
#define MEMWHY_TRACE_GC_KERNEL_H

#include "base/err.h"
#include "trace/bpf/gc_probe.h"
#include <stdint.h>
#include <sys/types.h>

struct gc_kernel;

/* `tell` is called by gc_kernel_fetch() only. -EPERM with what is to be granted; -ENOTSUP. */
int gc_kernel_open(void (*tell)(void *ctx, const struct gc_probe_record *r), void *ctx,
                   struct gc_kernel **ret, struct err *e);
/* NULL is fine. */
void gc_kernel_close(struct gc_kernel *k);

/* The process runs into a probe at that place of the file from now on; others that map the file do
 * not. Only what is watched is told of. */
int gc_kernel_attach(struct gc_kernel *k, pid_t pid, const char *path, uint64_t offset,
                     struct err *e);
int gc_kernel_watch(struct gc_kernel *k, pid_t pid, struct gc_probe_process p, struct err *e);
/* Takes its probes out again, too. */
void gc_kernel_unwatch(struct gc_kernel *k, pid_t pid);

/* For poll(2): readable when there are records. */
int gc_kernel_fd(const struct gc_kernel *k);
/* All there are; does not wait. */
void gc_kernel_fetch(struct gc_kernel *k);
/* Records there was no room for. */
uint64_t gc_kernel_lost(const struct gc_kernel *k);

#endif
