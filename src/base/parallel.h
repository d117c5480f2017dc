/* The one way to use several processors: pieces of work, counted, which are independent of each
 * other, or whose results are. */
#ifndef MEMWHY_BASE_PARALLEL_H
#define MEMWHY_BASE_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

/* Call one(arg, i) for every i < n, from as many threads as there are processors, at most 4;
 * returns when all are done. The order is not defined. A thread that cannot be made is done
 * without. */
void parallel_for(size_t n, void (*one)(void *arg, size_t i), void *arg);

/* How many pieces there are at a time that are made, or being made, and not yet taken. */
enum { PARALLEL_SLOTS = 6 };

/* The same where results are wanted in order: make(arg, i, slot) leaves one in `slot`, which is
 * nobody else's until take(arg, i, slot) has been there. Pieces are taken from 0 on, one at a time,
 * by whatever thread has time. take() returns false to end it early. */
void parallel_in_order(size_t n, void (*make)(void *arg, size_t i, size_t slot),
                       bool (*take)(void *arg, size_t i, size_t slot), void *arg);

/* Pieces that another thread makes ahead of the caller, who takes them in order: make(arg, i, slot)
 * for i below n, from both threads. NULL: no thread can be made, or has no processor. */
struct parallel_ahead *parallel_ahead_new(size_t n, void (*make)(void *arg, size_t i, size_t slot),
                                          void *arg);
/* The slot of the next piece, which is the caller's until the next call; at most n times. */
size_t parallel_ahead_take(struct parallel_ahead *a);
void parallel_ahead_free(struct parallel_ahead *a); /* whether all were taken or not */

#endif
