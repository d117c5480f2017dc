/* The edges of a snapshot, node by node in order: V8's own only (v8/edges.h), as V8 numbers them.
 */
#ifndef MEMWHY_SNAPSHOT_EDGES_H
#define MEMWHY_SNAPSHOT_EDGES_H

#include "snapshot/names.h"
#include "snapshot/plan.h"
#include "snapshot/trail.h"
#include "v8/edges.h"

/* Called for each; `name` is a number in the names, or an index where the kind has one (element,
 * hidden). From one thread. */
typedef void snapshot_edge_fn(void *arg, uint32_t from, enum v8_edge_kind kind, uint32_t name,
                              uint32_t to);

struct snapshot_edges;

/* `content`: by ordinal, filled beside the edges where there is none yet
 * (snapshot/trail.h). */
struct snapshot_edges *snapshot_edges_new(struct heap_look *look, const struct snapshot_plan *plan,
                                          struct snapshot_names *names, uint64_t secret,
                                          struct snapshot_contents *contents);
void snapshot_edges_free(struct snapshot_edges *s);
/* All of them. *stop, if not 0, ends it early. */
void snapshot_edges_tell(struct snapshot_edges *s, snapshot_edge_fn *tell, void *arg,
                         const int *stop);
/* The texts of ephemerons, which have the first numbers of all names, from 1 on. */
char *snapshot_ephemeron_text(struct snapshot_edges *s, size_t i);

#endif
