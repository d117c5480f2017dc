/* A heap at one moment, as little of it as two looks can be compared by: live objects by class, by
 * shape and by where their class is written, and what holds them. */
#ifndef MEMWHY_GROWTH_HEAP_SUMMARY_H
#define MEMWHY_GROWTH_HEAP_SUMMARY_H

#include "base/progress.h"
#include "collect/histogram.h"
#include "growth/holders.h"
#include "suspects/suspects.h"

struct heap_summary {
    /* Set by the caller. */
    const struct holders *earlier; /* of an earlier look: what has grown since is named; NULL */
    bool with_suspects;            /* them too, which takes as long again; not of a file */
    /* The answer. */
    uint64_t seen_ns;    /* clock_ns() then */
    uint64_t live_bytes; /* on the heap and held outside it */
    bool is_file;        /* a .heapsnapshot: objects are told by ids, and only classes counted */
    struct histogram classes, shapes, sources;
    struct sketch ids; /* of a file: its objects, by id and class */
    struct holders holders;
    struct suspects suspects;
};

/* Made with the view; `arg` of the visit is the summary. */
int heap_summary_see(void *heap_summary, const struct v8_view *view, struct err *e);
/* Of a .heapsnapshot. `p` may be NULL. Errors as heapfile_open(). */
int heap_summary_read(const char *path, struct progress *p, struct heap_summary *ret,
                      struct err *e);
/* Are two files of one process? Most objects of the earlier one have the same ids in the later. */
bool heap_summary_shares_ids(const struct heap_summary *then, const struct heap_summary *now);
void heap_summary_done(struct heap_summary *s);

#endif
