/* The sections of the file, one after the other, each made in pieces by several threads. */
#ifndef MEMWHY_SNAPSHOT_SECTIONS_H
#define MEMWHY_SNAPSHOT_SECTIONS_H

#include "snapshot/edges.h"
#include "snapshot/kinds.h"
#include "snapshot/spool.h"

/* What they are made of, all of it borrowed. */
struct snapshot_sections {
    struct heap_look *look;
    const struct snapshot_plan *plan;
    const struct snapshot_kinds *kinds;
    const struct snapshot_names *names;
    const struct snapshot_edges *edges; /* for texts of ephemerons */
    const struct snapshot_spool *spool; /* of edges */
    const struct spool *trail;          /* of objects (snapshot/trail.h) */
    const uint32_t *name;               /* by ordinal */
    const struct snapshot_counts *counts;
    struct v8_objects *objects; /* one for each of PARALLEL_SLOTS */
    uint64_t secret;
};

/* The first error, of reading or of writing. */
int snapshot_sections_put(const struct snapshot_sections *s, struct snapshot_out *out);

#endif
