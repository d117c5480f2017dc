/* Whether processes that are gone were killed for want of memory: their cgroups count that, and can
 * be asked when the process cannot. */
#ifndef MEMWHY_CMD_RECORD_OOM_H
#define MEMWHY_CMD_RECORD_OOM_H

#include "base/vec.h"
#include "model/sample.h"

struct record_oom_place {
    struct process_id id;
    char *dir; /* where its cgroup's files are */
    int version;
};
struct record_oom {
    VEC(struct record_oom_place) places;
};

/* A process came; nothing is kept where its cgroup cannot be seen. */
void record_oom_came(struct record_oom *o, struct process_id id);
/* It went: what its cgroup has counted by now. False when that is unknown. */
bool record_oom_went(struct record_oom *o, struct process_id id, uint64_t *ret_kills);
void record_oom_done(struct record_oom *o);

#endif
