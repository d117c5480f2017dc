/* Marking: what can be reached from the roots, by several threads, keeping no edges. */
#ifndef MEMWHY_GRAPH_MARK_H
#define MEMWHY_GRAPH_MARK_H

#include "graph/source.h"

/* Add to `live`, a set of source->nodes numbers (base/bits.h), every node that can be reached from
 * the roots; returns how many were added. Nodes that are in it already are not followed again: so a
 * second marking, from other roots, says what only those keep. Values of ephemerons count as soon
 * as table and key are both in. Takes 1 bit per node, and 4 bytes for each known and not yet looked
 * at. `strays`: added to, may be NULL. */
uint32_t graph_mark(const struct graph_source *source, uint64_t *live, uint64_t *strays);

#endif
