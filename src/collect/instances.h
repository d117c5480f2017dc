/* Single objects that fit a query, each in one line. */
#ifndef MEMWHY_COLLECT_INSTANCES_H
#define MEMWHY_COLLECT_INSTANCES_H

#include "collect/query.h"

struct instance {
    uint64_t addr; /* tagged */
    char *class, *summary;
    uint64_t shallow;  /* bytes on the heap */
    uint64_t retained; /* bytes that would go with it; where asked for */
    bool live;
};

enum instances_order { INSTANCES_BY_ADDR, INSTANCES_BY_SHALLOW, INSTANCES_BY_RETAINED };

struct instances {
    /* The question; the caller's. */
    struct query query;
    enum instances_order order;
    bool with_retained; /* by retained implies it */
    bool with_details;  /* summaries say the first of what each holds */
    uint64_t limit;     /* list at most so many; 0: all */
    /* The answer. */
    uint64_t count, shallow; /* of all that fit */
    VEC(struct instance) list;
};

/* Made with the view; `arg` of the visit is the instances. */
int instances_see(void *instances, const struct v8_view *view, struct err *e);
void instances_done(struct instances *s);

#endif
