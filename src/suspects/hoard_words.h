/* What src/graph finds of collections, large objects and chains, in words. */
#ifndef MEMWHY_SUSPECTS_HOARD_WORDS_H
#define MEMWHY_SUSPECTS_HOARD_WORDS_H

#include "graph/hoards.h"
#include "suspects/suspects.h"

struct hoard_namer {
    const struct graph_tree *tree;
    void *ctx;
    const char *(*class_name)(void *ctx, uint32_t class);
    char *(*summary_of)(void *ctx, uint32_t node); /* the caller frees it */
};

/* `holder`: the node that a program's author would call it. Of the suspect all but path, addr and
 * sample is set; the caller owns it. */
struct suspect hoard_suspect(const struct hoard_namer *n, const struct graph_hoard *h,
                             uint32_t holder);

#endif
