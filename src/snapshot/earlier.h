/* The snapshot that another comes after: objects that are still there keep its numbers. */
#ifndef MEMWHY_SNAPSHOT_EARLIER_H
#define MEMWHY_SNAPSHOT_EARLIER_H

#include "base/progress.h"
#include "snapshot/kinds.h"
#include "snapshot/plan.h"
#include "snapshot/spool.h"
#include "snapshot/trail.h"

struct snapshot_earlier;

/* Before the process is stopped: reading it takes its time. `p` may be NULL. -EBADMSG with `e`
 * filled: it is no snapshot of memwhy's; else as heapfile_open(). */
int snapshot_earlier_open(const char *path, struct progress *p, struct snapshot_earlier **ret,
                          struct err *e);
void snapshot_earlier_free(struct snapshot_earlier *s);

/* The later one, when all its edges are found: by ordinal their names, how many edges they have,
 * and what is in them (snapshot/trail.h). */
struct snapshot_later {
    struct heap_look *look;
    struct snapshot_plan *plan;
    struct snapshot_kinds *kinds;
    const struct snapshot_names *names;
    const uint32_t *name;
    const struct snapshot_counts *counts;
    const struct spool *trail; /* of its objects */
    const struct snapshot_spool *spool;
    uint64_t secret;
};

/* Sets the plan's `given`. *ret_kept: how many objects of the heap were there before, and are left
 * of *ret_before. -EINVAL with `e` filled: it is of another process; -E2BIG: no numbers are left.
 */
int snapshot_earlier_match(const struct snapshot_earlier *s, const struct snapshot_later *later,
                           uint64_t *ret_kept, uint64_t *ret_before, struct err *e);

#endif
