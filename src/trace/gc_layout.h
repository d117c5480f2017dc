/* What V8 itself notes of each collection: GCTracer::current_ (src/heap/gc-tracer.h), whether or
 * not anybody asked for a trace. Where it is complete V8 makes a line of it, for --trace-gc and for
 * the "last few GCs" of a crash: GCTracer::Print(), once for each collection. Knows no process and
 * no probe, only the bytes.
 *
 * The fields moved twice from 7.8 to 14.6, and times became integers once. Measured on the code of
 * Print() in the official builds of
 * Node 12.22.12, 14.21.3, 16.0.0, 16.20.2, 17.9.1, 18.0.0, 18.20.8,
 * 20.20.2, 21.7.3, 22.23.3, 23.11.1, 24.21.0, 25.9.0 and 26.10.0; each line holds for all patch
 * releases that were looked at. */
#ifndef MEMWHY_TRACE_GC_LAYOUT_H
#define MEMWHY_TRACE_GC_LAYOUT_H

#include "model/sample.h"
#include "trace/bpf/gc_probe.h"

struct gc_layout;

/* That of a V8 version, or of the nearest one known: gc_layout_decode() tells whether it holds. */
const struct gc_layout *gc_layout_of(int major, int minor);
/* What the probe is to copy beside the front. */
struct gc_probe_process gc_layout_places(const struct gc_layout *l);

/* Everything but process, isolate and wall clock. -EBADMSG, `ret` untouched, when the bytes are not
 * what the layout says: times that are none or lie ahead of the probe's, an unknown kind, sizes
 * beyond any heap. */
int gc_layout_decode(const struct gc_layout *l, const struct gc_probe_record *r,
                     struct gc_event *ret);
/* The Heap the tracer belongs to. */
uint64_t gc_layout_heap(const struct gc_probe_record *r);

#endif
