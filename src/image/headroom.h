/* Whether a copy-on-write child can be afforded. Private to src/image/. */
#ifndef MEMWHY_IMAGE_HEADROOM_H
#define MEMWHY_IMAGE_HEADROOM_H

#include "base/err.h"
#include <sys/types.h>

/* Every page the target writes while the child lives is copied and charged to the target's cgroup;
 * at worst all of its private memory. -EBUSY when that could push the cgroup over its limit or the
 * machine out of memory, or when the cgroup is frozen and would never run what it is asked to.
 */
int headroom_check(pid_t pid, struct err *e);

#endif
