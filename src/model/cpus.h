/* How many processors a process believes to have, and of how many it gets the time. */
#ifndef MEMWHY_MODEL_CPUS_H
#define MEMWHY_MODEL_CPUS_H

#include <stdbool.h>

struct cpus {
    unsigned online;  /* of the machine */
    unsigned allowed; /* that it may run on: what C libraries count */
    bool has_quota;   /* its cgroup, or one above, is given less time than that */
    double quota;     /* in processors */
};

#endif
