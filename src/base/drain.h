/* Worklists that several threads empty together: what is done with one thing brings up others, in
 * an order that is not defined. For marking. */
#ifndef MEMWHY_BASE_DRAIN_H
#define MEMWHY_BASE_DRAIN_H

#include <stddef.h>
#include <stdint.h>

enum { DRAIN_WORKERS = 4 };

/* As VEC(uint32_t), with a name. */
struct drain_list {
    uint32_t *at;
    size_t n, cap;
};

struct drain_work {
    void *arg;
    unsigned threads; /* at most so many, and DRAIN_WORKERS; 0: as many as there are processors */
    /* `thing` will be looked at in a moment: what is needed of it can be brought into the cache.
     * May be NULL. */
    void (*soon)(void *arg, uint32_t thing);
    /* Look at it, and push to `todo` what comes up. `worker` is below DRAIN_WORKERS, and never the
     * same in two calls at once. What was written before a thing was pushed is seen by the call
     * that gets it. */
    void (*one)(void *arg, size_t worker, uint32_t thing, struct drain_list *todo);
};

/* Until nothing is left to do. Begins with what is in `first`, which is empty afterwards. */
void drain(struct drain_list *first, const struct drain_work *w);

#endif
