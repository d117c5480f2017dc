/* The `snapshot` object at the head of a .heapsnapshot: how many there are of each, and where in a
 * row which field stands; for the folder's own. */
#ifndef MEMWHY_HEAPFILE_META_H
#define MEMWHY_HEAPFILE_META_H

#include "base/err.h"
#include "heapfile/heapfile.h"

enum { META_FIELDS_MAX = 16, META_ABSENT = -1 };

struct meta {
    uint64_t node_count, edge_count, root_index;
    int node_width, edge_width, location_width;
    /* Positions in a row; META_ABSENT */
    int type, name, id, self_size, edge_count_at, detachedness;
    int edge_type, name_or_index, to_node;
    int object_index, script_id, line, column;
    uint8_t kinds[256]; /* number in the file -> enum heapfile_kind; 0xff: there is none */
    char *kind_names[HEAPFILE_KINDS_MAX];
    uint8_t edge_kinds[256];
    bool has_traces;
    uint64_t extra_native_bytes;
};

/* -EBADMSG with `e` filled. The names are the caller's, also on failure. */
int meta_parse(const char *json, struct meta *ret, struct err *e);

#endif
