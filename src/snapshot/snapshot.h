/* A heap as a .heapsnapshot, as V8 of the target's version would write it, from a heap that stands.
 *
 * It goes to the file as it is made: kept are 5 bytes for each object, and for each distinct
 * string where it stands and a hash. Edges, and what the next snapshot needs, go to files without
 * a name first: the snapshot says how many edges each node has before it says which.
 *
 *     struct snapshot s = {.path = "x.heapsnapshot", ...};
 *     r = look_at_heap(..., &(struct v8_visit){&s, snapshot_see}, ...);
 *     r = r < 0 ? r : snapshot_finish(&s, e);
 *     snapshot_drop(&s);
 */
#ifndef MEMWHY_SNAPSHOT_SNAPSHOT_H
#define MEMWHY_SNAPSHOT_SNAPSHOT_H

#include "image/capture_sink.h"
#include "v8/v8.h"
#include <stdatomic.h>

struct snapshot_earlier;

struct snapshot {
    /* What is wanted. */
    const char *path;
    enum capture_form form;                 /* packed or not */
    bool redact;                            /* contents of strings become x's of the same length */
    bool with_garbage;                      /* what does not live, too, below "(Garbage)" */
    const char *isolate;                    /* its name or number; NULL: the main one */
    const struct snapshot_earlier *earlier; /* whose numbers are kept; NULL: none */
    const atomic_bool *cancelled;           /* looked at from time to time; -EINTR */
    /* What was written. */
    uint64_t nodes, edges, objects, garbage, strings;
    uint64_t kept, before; /* of the earlier one's objects: which are there still, and all */
    uint64_t file_bytes, disk_bytes;
    struct capture_sink *sink; /* the file, until it is finished */
};

/* For struct v8_visit: writes the file, which does not have its name yet: a look that turns out to
 * have missed something is taken again. -EINVAL: no such isolate, or the earlier snapshot is of
 * another. */
int snapshot_see(void *snapshot, const struct v8_view *view, struct err *e);
/* To the disk, and to its name. */
int snapshot_finish(struct snapshot *s, struct err *e);
/* What is not finished is removed. */
void snapshot_drop(struct snapshot *s);

#endif
