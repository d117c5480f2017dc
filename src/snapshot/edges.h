/* The objects of a snapshot and their edges, node by node in order: V8's own edges only
 * (v8/edges.h), as V8 numbers them. Each object is read once, by several threads; what was read is
 * told by one at a time. */
#ifndef MEMWHY_SNAPSHOT_EDGES_H
#define MEMWHY_SNAPSHOT_EDGES_H

#include "snapshot/names.h"
#include "snapshot/plan.h"
#include "snapshot/text.h"
#include "snapshot/trail.h"
#include "v8/edges.h"

/* Whom it is told. */
struct snapshot_listener {
    void *arg;
    /* An object, before its edges; `hash` as snapshot_whole_string_hash() has it. */
    void (*object)(void *arg, uint32_t node, uint32_t ordinal, uint64_t hash);
    /* `name` is a number in the names, or an index where the kind has one (element, hidden). */
    void (*edge)(void *arg, uint32_t from, enum v8_edge_kind kind, uint32_t name, uint32_t to);
    /* What the next snapshot needs of the objects since the last call (snapshot/trail.h). False:
     * that is enough. */
    bool (*trail)(void *arg, const struct snapshot_text *objects);
};

struct snapshot_edges;

/* `objects`: one for each of PARALLEL_SLOTS. All is borrowed. */
struct snapshot_edges *snapshot_edges_new(struct heap_look *look, const struct snapshot_plan *plan,
                                          struct snapshot_names *names, uint64_t secret,
                                          struct v8_objects *objects);
void snapshot_edges_free(struct snapshot_edges *s);
/* All of them, those of the root and its subroots first. */
void snapshot_edges_tell(struct snapshot_edges *s, const struct snapshot_listener *to);
/* The texts of ephemerons, which have the first numbers of all names, from 1 on. May be called by
 * several threads. */
char *snapshot_ephemeron_text(const struct snapshot_edges *s, size_t i);

#endif
