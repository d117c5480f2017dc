/* The order of objects as evidence. V8 empties a page of the old generation from its start to its
 * end, and puts what lives one behind the other: what was moved from one page stands in the old
 * order, in a few streams. What looks like an object of that page but stands in none of its streams
 * was made elsewhere: it only bears the same numbers (Evacuator, src/heap/mark-compact.cc). */
#ifndef MEMWHY_SNAPSHOT_ORDER_H
#define MEMWHY_SNAPSHOT_ORDER_H

#include "snapshot/same.h"

/* Takes back what was settled and stands out of order. Numbers of nodes are in the order of their
 * addresses, of both graphs. */
void snapshot_order_check(struct snapshot_same *s);

#endif
