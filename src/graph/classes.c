#include "graph/classes.h"

void graph_classes(const struct graph_tree *t, uint32_t classes,
                   uint32_t (*class_of)(void *ctx, uint32_t node), void *ctx,
                   struct graph_class *ret) {
    /* Where the last outermost node of the class ends: until there, others are dominated by it. */
    uint32_t *covered = mem_zalloc(classes * sizeof *covered);
    uint32_t n = graph_tree_end(t, 0);
    for (uint32_t p = 1; p < n; p++) {
        uint32_t node = graph_tree_node(t, p), class = class_of(ctx, node);
        if (class >= classes)
            continue;
        ret[class].count++;
        ret[class].shallow += graph_tree_shallow(t, node);
        if (p >= covered[class]) {
            ret[class].retained += graph_tree_retained(t, node);
            covered[class] = graph_tree_end(t, p);
        }
    }
    free(covered);
}
