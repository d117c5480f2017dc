/* What single objects keep alive. */
#ifndef MEMWHY_COLLECT_RETAINED_H
#define MEMWHY_COLLECT_RETAINED_H

#include "collect/heap_look.h"

struct retained_step {
    uint64_t addr, retained;
    char *class, *summary;
};

struct retained_object {
    uint64_t addr; /* as asked for; then tagged */
    char *class, *summary;
    bool live; /* false: it retains nothing */
    uint64_t shallow, retained, off_heap;
    uint64_t count;                  /* objects it retains, itself included */
    VEC(struct retained_step) chain; /* its dominator, that one's, and so on up to the roots */
    bool chain_cut;
};

/* What would be freed. */
struct retained_sum {
    uint64_t bytes, count, off_heap;
};

struct retained {
    VEC(struct retained_object) list; /* the caller sets `addr` of each */
    struct retained_sum together;     /* if all of them went, whatever dominates what */
};

/* Made with the view; `arg` of the visit is the retained. -EINVAL: no object begins at one. */
int retained_see(void *retained, const struct v8_view *view, struct err *e);
void retained_done(struct retained *r);

#endif
