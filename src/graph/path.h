/* Ways from the root to a node. */
#ifndef MEMWHY_GRAPH_PATH_H
#define MEMWHY_GRAPH_PATH_H

#include "graph/graph.h"

/* Several paths. Path i is nodes.at[i ? ends.at[i - 1] : 0 .. ends.at[i]): it begins with a root
 * (named by the caller, who told it), each refers to the next, and the last is the node. */
struct graph_paths {
    struct graph_nodes nodes, ends;
};

/* At most `most` shortest paths to `node`, shortest first; no two come through the same last
 * referrer, and none comes by the node itself on its way. So what is left out are referrers that
 * live by the node only. -ENODATA: it is not live. Takes at most 8 bytes per live node on the way.
 */
int graph_paths(const struct graph *g, uint32_t node, size_t most, struct graph_paths *ret);
void graph_paths_done(struct graph_paths *p);

/* The distance of every node from the root (the roots': 1, its own, last of nodes + 1: 0);
 * GRAPH_NONE: not live. The caller frees it. */
uint32_t *graph_distances(const struct graph *g);

#endif
