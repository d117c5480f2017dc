/* Collections of V8 as events, from outside and without any flag of Node: a probe where V8 writes
 * its line of each (trace/gc_layout.h). Costs the traced thread some microseconds each time
 * (bench/gc_trace.py).
 *
 *     struct gc_events *g;
 *     gc_events_open(&g, &e);               // -EPERM, -ENOTSUP: no events to be had here at all
 *     gc_events_add(g, &id, &e);            // for each process; -ENODATA: not of this one
 *     while (gc_events_next(g, &event)) ... // never waits; poll(2) on gc_events_fd() does
 *     gc_events_close(g);
 *
 * What an executable says is looked up once for all that run it. Probes are in the traced processes
 * alone, and take four file descriptors each; they are taken out by gc_events_remove() and
 * gc_events_close(), or by the kernel when memwhy ends in any other way. */
#ifndef MEMWHY_TRACE_GC_EVENTS_H
#define MEMWHY_TRACE_GC_EVENTS_H

#include "base/err.h"
#include "model/sample.h"

struct gc_events;

/* -EPERM: not permitted, and `e` names what to grant. -ENOTSUP: this kernel, or this build of
 * memwhy, has no BPF. */
int gc_events_open(struct gc_events **ret, struct err *e);
/* NULL is fine. */
void gc_events_close(struct gc_events *g);

/* Trace this process, too. Nothing happens when it is traced already; when its pid had another
 * start before, that one is removed. -ENODATA: no V8, or one without symbols; -ESRCH; -EACCES: its
 * executable may not be read. */
int gc_events_add(struct gc_events *g, const struct process_id *id, struct err *e);
/* What it did until now is still told. */
void gc_events_remove(struct gc_events *g, pid_t pid);

/* For poll(2): readable when there are events. */
int gc_events_fd(const struct gc_events *g);
/* The next event, in the order in which V8 notes them: false when there is none now. (V8 10 and 11
 * note a mark-compact only when its sweeping is done, so later scavenges can come first; at_ns is
 * right for both.) */
bool gc_events_next(struct gc_events *g, struct gc_event *ret);
/* Collections that happened and are not told: the kernel had no room left because nobody fetched,
 * or V8's record did not explain itself. */
uint64_t gc_events_lost(const struct gc_events *g);
uint64_t gc_events_unexplained(const struct gc_events *g);

#endif
