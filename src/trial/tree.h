/* A process and all that descends from it. */
#ifndef MEMWHY_TRIAL_TREE_H
#define MEMWHY_TRIAL_TREE_H

#include "base/vec.h"
#include <sys/types.h>

struct pid_list {
    VEC(pid_t) list;
};

/* Children of `pid`, theirs, and so on, parents first; without `pid`. Of this moment: who starts
 * processes meanwhile may be missed. The caller frees the list. */
int tree_below(pid_t pid, struct pid_list *ret);

#endif
