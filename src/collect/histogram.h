/* The objects of a heap by class. */
#ifndef MEMWHY_COLLECT_HISTOGRAM_H
#define MEMWHY_COLLECT_HISTOGRAM_H

#include "v8/v8.h"

struct histogram_class {
    char *name;
    uint64_t count, shallow; /* all of them; bytes on the heap */
    uint64_t off_heap;       /* bytes outside that they hold */
    uint64_t retained;       /* bytes that would go with the live ones, on the heap and outside */
    uint64_t garbage_count, garbage_bytes;
};

struct histogram {
    bool with_retained; /* set by the caller: takes two thirds of the time */
    VEC(struct histogram_class) classes;
    uint64_t nodes, edges; /* of the graph; 0 without retained sizes */
};

/* Made with the view; `arg` of the visit is the histogram. */
int histogram_see(void *histogram, const struct v8_view *view, struct err *e);
void histogram_done(struct histogram *h);

#endif
