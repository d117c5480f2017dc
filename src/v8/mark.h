/* Which objects live, as V8's full collection would find them: reachable from the roots, weak
 * references not followed, ephemerons to the fixpoint. */
#ifndef MEMWHY_V8_MARK_H
#define MEMWHY_V8_MARK_H

#include "v8/roots.h"

struct v8_marks;

/* Nothing is marked at first. */
struct v8_marks *v8_marks_new(const struct v8_nodes *n);
void v8_marks_free(struct v8_marks *m);
/* Mark what the roots of these kinds (bits, 1 << kind) reach; adds to what is marked. */
void v8_mark(struct v8_marks *m, const struct v8_root_list *roots, unsigned kinds);
/* Go on from what is marked, along weak references too: what is held by them, but not kept. */
void v8_mark_weak(struct v8_marks *m);

/* The set (base/bits.h); valid until more is marked or it is freed. */
const uint64_t *v8_marks(const struct v8_marks *m);

#endif
