/* A heap at one moment, as little of it as two looks can be compared by: live objects by class, by
 * shape and by where their class is written, and what holds them. */
#ifndef MEMWHY_COLLECT_HEAP_SUMMARY_H
#define MEMWHY_COLLECT_HEAP_SUMMARY_H

#include "collect/histogram.h"
#include "collect/holders.h"

struct heap_summary {
    /* Set by the caller. */
    const struct holders *earlier; /* of an earlier look: what has grown since is named; NULL */
    /* The answer. */
    uint64_t seen_ns;    /* clock_ns() then */
    uint64_t live_bytes; /* on the heap and held outside it */
    struct histogram classes, shapes, sources;
    struct holders holders;
};

/* Made with the view; `arg` of the visit is the summary. */
int heap_summary_see(void *heap_summary, const struct v8_view *view, struct err *e);
void heap_summary_done(struct heap_summary *s);

#endif
