/* The dominator tree's largest parts, as lines to be shown. */
#ifndef MEMWHY_COLLECT_DOMINATORS_H
#define MEMWHY_COLLECT_DOMINATORS_H

#include "collect/heap_look.h"
#include "graph/tree.h"

/* An object, or several of one class that are dominated by the same. */
struct dominator {
    uint64_t addr;     /* tagged; 0: several */
    uint64_t siblings; /* how many objects the line is of */
    uint32_t depth;    /* 0: directly below where the tree begins */
    uint64_t shallow;  /* bytes of them on the heap */
    uint64_t retained; /* bytes of them and all they dominate, on the heap and outside */
    uint64_t count;    /* objects that is */
    char *class, *summary;
};

struct dominators {
    /* The question. */
    uint64_t addr;      /* begin at this object; 0: at the roots */
    uint64_t most;      /* objects to show: those that retain most; 0: all that the rest allows */
    uint64_t min_bytes; /* which retain at least so much */
    uint64_t depth;     /* not deeper; 0: however deep */
    /* The answer, parents before children. */
    uint64_t live_bytes; /* what all live objects retain, the roots' size */
    VEC(struct dominator) list;
};

/* A heap as its dominator tree is shown: of a process or of a file. */
struct dominators_heap {
    const struct graph_tree *tree;
    void *ctx;
    size_t classes; /* numbers given to them are below */
    uint32_t (*class_of)(void *ctx, uint32_t node);
    const char *(*class_name)(void *ctx, uint32_t class);
    uint64_t (*addr_of)(void *ctx, uint32_t node);
    uint64_t (*bytes_of)(void *ctx, uint32_t node); /* on the heap */
    char *(*summary_of)(void *ctx, uint32_t node);  /* the caller frees it */
};
/* Fill in the list: what is below position `top` of the tree, and itself when it is not the root.
 */
void dominators_choose(struct dominators *d, const struct dominators_heap *heap, uint32_t top);

/* Made with the view; `arg` of the visit is the dominators. -EINVAL: no live object at `addr`. */
int dominators_see(void *dominators, const struct v8_view *view, struct err *e);
void dominators_done(struct dominators *d);

#endif
