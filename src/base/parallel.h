/* The one way to use several processors: independent pieces of work, counted. */
#ifndef MEMWHY_BASE_PARALLEL_H
#define MEMWHY_BASE_PARALLEL_H

#include <stddef.h>

/* Call one(arg, i) for every i < n, from as many threads as there are processors, at most 4;
 * returns when all are done. The order is not defined. A thread that cannot be made is done
 * without. */
void parallel_for(size_t n, void (*one)(void *arg, size_t i), void *arg);

#endif
