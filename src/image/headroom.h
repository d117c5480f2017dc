/* Whether a copy-on-write child can be afforded, before it is made and while it lives.
 * Private to src/image/ but for headroom_bytes(). */
#ifndef MEMWHY_IMAGE_HEADROOM_H
#define MEMWHY_IMAGE_HEADROOM_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Every page the target writes while the child lives is copied and charged to the target's cgroup;
 * at worst all of its private memory. Where that is more than is left, the copy is watched and
 * given up in time, so there must be enough left for that. -EBUSY when there is not, or when the
 * cgroup is frozen and would never run what it is asked to. */
int headroom_check(pid_t pid, struct err *e);

/* What the process can still take before the tightest limit of its cgroups is met, or the machine
 * is out of memory; cache that nobody uses counts as left. Some 0.1 ms. */
uint64_t headroom_bytes(pid_t pid);

struct headroom {
    uint64_t begun_bytes; /* left when the child was made */
    uint64_t left_bytes;  /* when last looked at */
    uint64_t floor_bytes; /* with less left than this, the child is given up */
};

void headroom_begin(pid_t pid, struct headroom *ret);
/* False when it is below the floor. */
bool headroom_suffices(pid_t pid, struct headroom *h);
/* When to look again, so that it is noticed in time. */
int headroom_look_again_ms(const struct headroom *h);

#endif
