/* The arrays of a .heapsnapshot as they stream by; for the folder's own. */
#ifndef MEMWHY_HEAPFILE_ROWS_H
#define MEMWHY_HEAPFILE_ROWS_H

#include "heapfile/heapfile.h"
#include "heapfile/meta.h"
#include "heapfile/scan.h"

/* The largest number of a string, and the byte where it was asked for. */
struct largest_name {
    uint32_t name;
    uint64_t offset;
};

struct reading {
    struct heapfile *f;
    struct meta meta;
    struct scan scan;
    struct progress *progress;
    struct largest_name largest_name;
    uint64_t told; /* rows, for the progress */
};

/* Each begins before the opening bracket. In this order: meta is read, then nodes, then edges,
 * then the others. */
int rows_nodes(struct reading *r);
int rows_edges(struct reading *r);
int rows_locations(struct reading *r);
int rows_strings(struct reading *r);

#endif
