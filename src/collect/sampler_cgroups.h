/* The cgroups of all sampled processes, each read once a round. Private to the sampler. */
#ifndef MEMWHY_COLLECT_SAMPLER_CGROUPS_H
#define MEMWHY_COLLECT_SAMPLER_CGROUPS_H

#include "base/vec.h"
#include "kernel/cgroup_watch.h"

struct sampled_cgroup;

struct sampler_cgroups {
    VEC(struct sampled_cgroup *) list;
    uint64_t rounds;
};

/* The one with this path, read through `pid` when it is new. NULL: it cannot be seen from here. */
struct sampled_cgroup *sampler_cgroups_get(struct sampler_cgroups *c, const char *root, pid_t pid,
                                           const char *path);
void sampler_cgroups_drop(struct sampler_cgroups *c, struct sampled_cgroup *one); /* or NULL */
/* Read all of them. */
void sampler_cgroups_read(struct sampler_cgroups *c);
/* Set the fields as they were read; nothing for NULL. `pid` is in it: its limits may be due. */
void sampler_cgroups_sample(struct sampler_cgroups *c, struct sampled_cgroup *one, const char *root,
                            pid_t pid, struct sample *ret);
void sampler_cgroups_done(struct sampler_cgroups *c);

#endif
